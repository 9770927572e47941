import CPluginKit
import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// One slot of an engine: a memory file, the zygote that has it mapped, and at most one child of that zygote.
///
/// A child waits ready before it is needed. One that has run a function is made as new where the kernel holds it
/// (Reset.swift), or is killed, and reaped before the memory is made zero and the zygote is asked for the next, so a child
/// never meets another's data. Used by its engine's thread only.
final class Sandbox {
    private(set) var memory: SlotMemory
    private let settings: Settings
    let pages: PageList
    private let holding: Holding
    /// Of the engine, when children are held at their end.
    let holder: Holder?
    let zygote: Zygote
    /// The child's pid once it is known, 0 when there is none.
    private(set) var childPid: Int32 = 0
    /// The zygote was asked for a child that is not taken yet.
    var asked = false
    /// The child has been told to run.
    private(set) var started = false
    var prepared = Readiness()
    /// The kernel holds the child, which has run a function and is as new.
    var isHeld = false
    /// The function left as functions do, and the kernel holds its process.
    private var hasLeft = false
    /// The child has run nothing.
    var isFresh = true
    /// The image that was here last: the next child is made ready for it.
    weak var expected: Image?
    /// What is loaded now.
    private(set) var loaded: Image?
    /// The child's, once it was needed.
    private(set) var pagemap: Pagemap?

    /// How often a zygote is made anew that was killed before it was ready: by the system for want of memory, or by somebody.
    private static let mostAttempts = 3

    /// One that is ready for children.
    static func make(
        _ settings: Settings, _ services: HostServices, _ pages: PageList, _ holding: Holding, _ holder: Holder?,
        pinned: Bool
    ) throws(PluginError) -> Sandbox {
        for _ in 1..<mostAttempts {
            do throws(PluginError) {
                return try Sandbox(settings, pages, services, holding, holder, pinned: pinned)
            } catch {
                guard error.status == DN_ENGINE_DEAD else { throw error }
                services.log(DN_LOG_WARNING, "\(error.message); making another")
            }
        }
        return try Sandbox(settings, pages, services, holding, holder, pinned: pinned)
    }

    /// `pinned`: the engine's thread has one CPU, which children inherit.
    private init(
        _ settings: Settings, _ pages: PageList, _ services: HostServices, _ holding: Holding, _ holder: Holder?,
        pinned: Bool
    ) throws(PluginError) {
        self.settings = settings
        self.pages = pages
        self.holding = holding
        self.holder = holding.isUsable ? holder : nil
        memory = try SlotMemory(settings, services)
        zygote = try Zygote(settings, memory, pinned: pinned, held: self.holder != nil)
    }

    deinit { killChild() }

    var hasChild: Bool { childPid != 0 || asked }
    /// The child waits; asks the memory only.
    var isReady: Bool { childPid != 0 || (asked && dp_load(dp_ready(memory.child)) == DP_READY_YES) }

    /// Whether the image is mapped here, not copied.
    func plan(for image: Image) -> Plan? { pages.isUsable && image.isMappable ? image.plan : nil }

    /// The child, if there is one, has what the image needs.
    func isPrepared(for image: Image) -> Bool { prepared.fits(image, plan(for: image)) }

    /// A child waits with an image that nobody can run any more.
    var isStale: Bool { prepared.isStale }

    /// Waits until the child is ready.
    func takeChild() throws(PluginError) {
        guard childPid == 0 else { return }
        let child = memory.child
        var patience = Patience()
        while dp_load(dp_ready(child)) == DP_READY_NO, patience.takeStep() {
            _ = dp_futex_wait(dp_ready(child), UInt32(DP_READY_NO), Clock.now() &+ Patience.step)
            if dp_load(dp_ready(child)) == DP_READY_NO, zygote.end() != nil { break }
        }
        let ready = dp_load(dp_ready(child)) == DP_READY_YES
        // Trusted: nothing untrusted has run on this page yet. A child that did not get ready is known by its zygote.
        childPid = ready ? Int32(bitPattern: child.pointee.thread) : max(0, zygote.page.pointee.child)
        asked = false
        isFresh = true
        guard ready else {
            let error = child.pointee.failure
            throw PluginError(
                DN_ENGINE_DEAD, "no child process: \(error == 0 ? "it did not get ready" : errorText(error))",
                errno: error, retryable: true)
        }
        guard holder != nil else { return }
        let refusal = -dp_trace(childPid)
        guard refusal == 0 else {
            if refusal != ESRCH { holding.refused(refusal) }
            throw PluginError(
                DN_ENGINE_DEAD, "a child process cannot be held: \(errorText(refusal))", errno: refusal, retryable: true
            )
        }
    }

    func setLimit(_ bytes: UInt64) throws(PluginError) { try memory.setLimit(bytes) }

    /// Lets nothing of an image stay in the memory, which is zero then.
    func unmap() throws(PluginError) { try memory.map(nil, nil) }

    /// The host will write there.
    func announceWrite(_ range: Range<UInt64>) { memory.announceWrite(range) }

    // MARK: Running

    /// Tells the waiting child what it will run; the image must fit the limit.
    func load(_ image: Image) throws(PluginError) {
        let plan = plan(for: image)
        try memory.map(image, plan)
        if plan == nil { image.copy(image.contents.parts, to: memory) }
        expected = image
        loaded = image
        let child = memory.child
        child.pointee.entry = image.entry
        // As at a process's start: 16-aligned, and zeros above, so that a return ends at address 0.
        child.pointee.stack = SlotMemory.stackHigh &- 64
        planChange()
    }

    /// Sets the word that tells of the function's end to the value that it has until then.
    func expectation() -> UInt32 {
        let value = UInt32(bitPattern: childPid) | UInt32(DP_WAITERS)
        dp_store(dp_done(memory.child), value)
        return value
    }

    /// What the child must still do is more than it can do without files.
    var needsFiles: Bool {
        !memory.inputs.isEmpty
            || dp_change(memory.child).pointee.count > 0 && (prepared.span != nil || !memory.parts.isEmpty)
    }

    /// Before a run, when the host has written all that it will: the child is one that can become what the run needs.
    func settleChild() throws(PluginError) {
        if memory.hostHasWritten(pages) {
            try memory.absorb()
            planChange()
        }
        try replaceUnfit()
    }

    /// What the function will write to files can only be found by a file that tells of its process's pages: without one it does
    /// not run, since its end would be taken for the process's.
    private func openPagemap() throws(PluginError) {
        guard pagemap == nil, !memory.parts.isEmpty || !memory.inputs.isEmpty else { return }
        let opened = Pagemap(of: childPid)
        guard opened.isUsable else {
            throw PluginError(
                DN_NO_MEMORY, "the pages of a sandbox cannot be listed: \(errorText(errno))", errno: errno,
                retryable: true)
        }
        pagemap = opened
    }

    /// Lets the child enter the function.
    func start(argument: dn_gaddr) throws(PluginError) {
        try openPagemap()
        let child = memory.child
        let list = dp_change(child)
        for (index, input) in memory.inputs.enumerated() { add(input.part, file: UInt16(2 + index), to: list) }
        if needsFiles {
            let files = [memory.file, memory.mapped?.contents.file ?? memory.file] + memory.inputs.map(\.range.file)
            let error = zygote.send(&list.pointee.message, files)
            guard error == 0 else {
                throw PluginError(
                    DN_NO_MEMORY, "a sandbox cannot be given an image: \(errorText(error))", errno: error,
                    retryable: true)
            }
        }
        started = true
        if isHeld {
            if !enter(argument: argument) { dp_kill(childPid) }
            return
        }
        child.pointee.argument = argument
        dp_store(dp_go(child), 1)
        dp_futex_wake(dp_go(child))
    }

    /// Brings what the function wrote to pages of a mapped image into the host's view, while its process is there. What the
    /// process does meanwhile, if it still runs, decides what is brought, and nothing else.
    /// - Returns: false when its process is gone.
    func fetch() -> Bool {
        guard !memory.parts.isEmpty || !memory.inputs.isEmpty, let loaded else { return true }
        guard childPid != 0, let pagemap else { return false }
        var changed = false
        guard memory.fetchInputs(from: childPid, pagemap: pagemap, pages, changed: &changed) else { return false }
        if changed { loaded.changesInputs.store(true, ordering: .relaxed) }
        guard let plan = memory.plan, !plan.mapped.isEmpty else { return true }
        var seen = Habit()
        guard memory.fetch(from: childPid, pagemap: pagemap, pages, ownOnly: !isFresh, seen: &seen) else {
            return false
        }
        if isFresh { loaded.remember(seen) }
        loaded.learn(seen.written, under: plan)
        return true
    }

    /// Shows a part of a file in the place of the context's own memory.
    func show(_ range: dn_file_range) throws(PluginError) {
        guard pages.isUsable else {
            throw PluginError(DN_UNSUPPORTED, "what functions write to mapped files cannot be read here")
        }
        guard loaded?.changesInputs.load(ordering: .relaxed) != true else {
            throw PluginError(DN_UNSUPPORTED, "the function changes much of what it is given")
        }
        try memory.show(range, behind: loaded?.end ?? 0)
    }

    /// Makes an image of what the program left; what lies from `end` on in the context is left out.
    func snapshot(end: UInt64) throws(PluginError) -> Image {
        guard let loaded else { throw PluginError(DN_MISUSE, "no image is placed") }
        return try memory.snapshot(of: loaded, end: end)
    }

    /// Ends the child and waits until it can touch nothing any more.
    func killChild() {
        if asked { try? takeChild() }
        guard childPid != 0 else { return }
        dp_kill(childPid)
        _ = dp_reap(childPid, 1)
        lost()
        started = false
    }

    /// After a run. A child that is held where its function left can run another.
    func ended(held: Bool) { hasLeft = held }

    private func lost() {
        childPid = 0
        pagemap = nil
        isHeld = false
        hasLeft = false
    }

    /// Whether the child has died by itself; it is reaped then.
    func childDied() -> Bool {
        guard childPid != 0, dp_reap(childPid, 0) == 0 else { return childPid == 0 }
        lost()
        return true
    }

    /// After use: no child that ran a function and is not as new, and zero memory, but for an image's, which is as in its file.
    /// A child that still waits stays, unless it waits with an image that was unloaded.
    func clean() throws(PluginError) {
        let mayReset = started && hasLeft && childPid != 0 && memory.inputs.isEmpty && !isStale
        if isStale || childPid == 0 || (started && !mayReset) { killChild() }
        started = false
        hasLeft = false
        try memory.hideInputs()
        try memory.restore(with: pages)
        if mayReset, !reset() { killChild() }
        memory.own.removeAll(keepingCapacity: true)
        loaded = nil
        try memory.zero(keep: settings.residentBytes, sparingControlPages: hasChild && !isHeld)
    }

    /// Much more memory is in use than a clean sandbox keeps.
    var isLarge: Bool { memory.used > 2 * settings.residentBytes &+ memory.pristineBytes }
}
