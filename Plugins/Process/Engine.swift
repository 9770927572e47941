import CProcess
import PluginABI
import PluginKit

/// A pool of sandboxes for one thread, and the runs on it.
final class Engine: ComputeEngine, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: everything belongs to the engine's thread but `runs`, which locks, and `Context.release`.
    static let exitAddress = dp_exit_address()

    let settings: Settings
    let services: HostServices
    private let pages: PageList
    private let holding: Holding
    let holder: Holder?
    /// The thread has one CPU. A child that is woken there then lets the engine reach its sleep first, which makes the end
    /// of the run known by the kernel's word (Run.swift); elsewhere it should start at once.
    let pinned: Bool
    let runs = Runs()
    private var contexts: [Context] = []

    init(_ instance: Instance, pinned: Bool) throws(PluginError) {
        settings = instance.settings
        services = instance.services
        pages = instance.pages
        holding = instance.holding
        holder = holding.isUsable ? Holder.make(services) : nil
        self.pinned = pinned
        super.init()
        for _ in 0..<settings.pool { contexts.append(Context(engine: self)) }
        try makeFirst()
        try tryMapping()
    }

    /// Two sandboxes let one be made ready while the other runs; more come when they are needed.
    private func makeFirst() throws(PluginError) {
        let first = contexts.prefix(2)
        for context in first { context.sandbox = try makeSandbox() }
        do throws(PluginError) {
            try contexts.first?.sandbox?.takeChild()
        } catch {
            guard holder != nil, let refusal = holding.error else { throw error }
            services.log(
                DN_LOG_WARNING, "processes are made anew for every run: one cannot be held (\(errorText(refusal)))")
            for context in first { context.sandbox = try makeSandbox() }
        }
    }

    /// One whose child is asked for.
    private func makeSandbox() throws(PluginError) -> Sandbox {
        let sandbox = try Sandbox.make(settings, services, pages, holding, holder, pinned: pinned)
        sandbox.askForChild()
        return sandbox
    }

    /// Finds out, once for the plugin, whether this system lets images be mapped.
    private func tryMapping() throws(PluginError) {
        guard let sandbox = contexts.first?.sandbox else { return }
        try sandbox.takeChild()
        guard let error = pages.tryReading(sandbox.childPid) else { return }
        services.log(
            DN_LOG_WARNING, "large images are copied for every run: a sandbox cannot be read (\(errorText(error)))")
    }

    /// Hands out a place with a ready child, making one if there is none.
    /// Until the host has said what it will load, its memory is zero.
    override func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        let limit = params.limit
        guard limit <= settings.contextMax else {
            throw PluginError(DN_LIMIT, "the memory limit \(limit) is above context_max \(settings.contextMax)")
        }
        // What earlier functions left must not stay while this one runs, which may take minutes. A small rest may: cleaning
        // includes the wait for the next child.
        for context in contexts where context.isReleased && context.sandbox?.isLarge ?? false { clean(context) }
        let context = try freeContext()
        let sandbox = try readySandbox(of: context)
        if params.image == nil { try sandbox.unmap() }
        try sandbox.setLimit(limit)
        context.hold()
        return context
    }

    private func freeContext() throws(PluginError) -> Context {
        var best: Context?
        for context in contexts where !context.held {
            if context.sandbox?.isReady ?? false { return context }
            if best == nil || context.sandbox != nil { best = context }
        }
        if let best, best.sandbox != nil { return best }
        if let context = contexts.first(where: \.isReleased) {
            clean(context)
            return context
        }
        guard let best else { throw PluginError(DN_BUSY, "all \(settings.pool) sandboxes are held", retryable: true) }
        return best
    }

    private func readySandbox(of context: Context) throws(PluginError) -> Sandbox {
        // Somebody may have killed the processes of one that was kept: then a new one takes its place, at once.
        if let kept = context.sandbox {
            do throws(PluginError) { return try ready(kept, of: context) } catch {
                services.log(DN_LOG_WARNING, "dropping a sandbox: \(error.message)")
            }
        }
        return try ready(try makeSandbox(), of: context)
    }

    private func ready(_ sandbox: Sandbox, of context: Context) throws(PluginError) -> Sandbox {
        context.sandbox = sandbox
        if !sandbox.hasChild { sandbox.askForChild() }
        do throws(PluginError) { try sandbox.takeChild() } catch {
            // Its end takes the zygote along.
            context.sandbox = nil
            throw error
        }
        return sandbox
    }

    /// Gives `context` another free sandbox whose child was made ready for the image, if there is one.
    func trade(_ context: Context, for image: Image) -> Sandbox? {
        for other in contexts where !other.held {
            guard let sandbox = other.sandbox, sandbox.isPrepared(for: image), sandbox.isReady else { continue }
            guard (try? sandbox.takeChild()) != nil else { continue }
            other.sandbox = context.sandbox
            context.sandbox = sandbox
            return sandbox
        }
        return nil
    }

    /// Makes a released place usable again; a sandbox that cannot be cleaned is dropped.
    private func clean(_ context: Context) {
        do throws(PluginError) {
            try context.sandbox?.clean()
        } catch {
            services.log(DN_LOG_ERROR, "dropping a sandbox: \(error.message)")
            context.sandbox = nil
        }
        context.held = false
    }

    /// Cleans released sandboxes and asks for the next children, for about `budget` ns. True when more is left.
    override func idle(budget: UInt64) -> Bool {
        let end = Clock.now() &+ budget
        for context in contexts {
            if context.isReleased || (!context.held && context.sandbox?.isStale ?? false) {
                clean(context)
            } else if context.held || context.sandbox?.hasChild ?? true {
                continue
            }
            if let sandbox = context.sandbox, !sandbox.hasChild { sandbox.askForChild() }
            if Clock.now() >= end { return contexts.contains { needsWork($0) } }
        }
        return false
    }

    private func needsWork(_ context: Context) -> Bool {
        context.isReleased || (!context.held && context.sandbox.map { !$0.hasChild || $0.isStale } ?? false)
    }

    override func run(_ context: ComputeContext, _ params: dn_run_params) throws(PluginError) -> dn_run_result {
        // SAFETY: a context of this engine.
        try run(unsafeDowncast(context, to: Context.self), params)
    }

    override func interrupt(run id: UInt64, reason: Int32) { runs.interrupt(id, reason: reason) }
}
