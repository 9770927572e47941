public import Failure
internal import PluginABI
internal import Synchronization

/// What runs functions of one backend on the thread that made it.
///
/// Everything but `interrupt` belongs to that thread.
public final class ComputeEngine: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `interrupt` and `liveContexts` are for any thread; the rest is called only by the
    // worker thread that owns the engine.
    public let backend: ComputeBackend
    private let handle: OpaquePointer
    private var lastRun: UInt64 = 0
    /// The backend gave it up; no further run will succeed.
    public private(set) var isDead = false
    let liveContexts = Atomic<Int>(0)
    private var windows: EngineWindows

    /// - Throws: also `.internal` with fact `engine=dead` when another attempt may succeed.
    public init(backend: ComputeBackend, core: Int32?, id: UInt64) throws(Failure) {
        self.backend = backend
        windows = EngineWindows(engine: id)
        var parameters = dn_engine_params()
        parameters.struct_size = UInt32(MemoryLayout<dn_engine_params>.size)
        parameters.core = core ?? -1
        parameters.engine_id = id
        var created: OpaquePointer?
        var error = ABI.emptyError()
        let status = backend.slots.engineCreate(backend.instance.handle, &parameters, &created, &error)
        guard status == DN_OK else {
            var failure = ABI.failure(status, error, "plugin \(backend.name): engine")
            // The platform failed this once, as it may fail a run.
            if status == DN_ENGINE_DEAD { failure.cause = .engineDead }
            backend.engineMade(failure.detail)
            throw failure
        }
        backend.engineMade(nil)
        guard let created else { throw Failure(.internal, "plugin \(backend.name): engine_create gave no engine") }
        handle = created
    }

    /// Whether a context can be held beyond its run and another still be made.
    public var hasSpareContext: Bool {
        backend.contextsPerEngine == 0 || liveContexts.load(ordering: .relaxed) < backend.contextsPerEngine
    }

    /// Ends the engine if no context of it is left. Engine thread.
    public func destroyIfUnused() -> Bool {
        guard liveContexts.load(ordering: .acquiring) == 0 else { return false }
        windows.end()
        backend.slots.engineDestroy(handle)
        return true
    }

    /// Takes a fresh sandbox and places the image in it.
    /// - Throws: `.busy` when the engine holds as many as it can, `.tooLarge`, or `.internal` with the cause `.engineDead`.
    public func makeContext(image: ComputeImage, limit: UInt64) throws(Failure) -> ComputeContext {
        var parameters = dn_context_params()
        parameters.struct_size = UInt32(MemoryLayout<dn_context_params>.size)
        parameters.limit = limit
        parameters.image = image.handle
        var created: OpaquePointer?
        var error = ABI.emptyError()
        var status = backend.slots.contextCreate(handle, &parameters, &created, &error)
        guard status == DN_OK, let created else { throw failure(status, error, "context") }
        status = backend.slots.contextLoad(created, image.handle, &error)
        var info = dn_context_info()
        info.struct_size = UInt32(MemoryLayout<dn_context_info>.size)
        var data: UnsafeMutableRawPointer?
        var stack: UnsafeMutableRawPointer?
        if status == DN_OK { status = backend.slots.contextInfo(created, &info, &error) }
        if status == DN_OK, let wrong = Self.mistake(in: info, limit: limit) {
            backend.slots.contextDestroy(created)
            throw Failure(.internal, "backend \(backend.name): context_info tells of \(wrong)")
        }
        if status == DN_OK {
            status = backend.slots.contextView(created, info.low, info.limit &- info.low, DN_VIEW_READ, &data, &error)
            if status == DN_OK, info.stack_high > info.stack_low {
                let size = info.stack_high - info.stack_low
                status = backend.slots.contextView(created, info.stack_low, size, DN_VIEW_READ, &stack, &error)
            }
        }
        if status == DN_OK { status = announceWrites(created, image, limit: info.limit, &error) }
        guard status == DN_OK, let data else {
            backend.slots.contextDestroy(created)
            throw failure(status, error, "context")
        }
        windows.see(data, Int(clamping: info.limit &- info.low))
        if let stack { windows.see(stack, Int(clamping: info.stack_high &- info.stack_low)) }
        return ComputeContext(engine: self, image: image, handle: created, info: info, data: data, stack: stack)
    }

    /// Tells the backend where the host writes before the run: what else it views, it only reads.
    private func announceWrites(
        _ context: OpaquePointer, _ image: ComputeImage, limit: UInt64, _ error: inout dn_error
    ) -> dn_status {
        let system = image.systemData == .max ? 0 : UInt64(MemoryLayout<dn_guest_system64>.size)
        let snapshot = image.snapshot == 0 ? 0 : UInt64(MemoryLayout<dn_guest_snapshot>.size)
        let behind = limit > image.dataBegin ? limit &- image.dataBegin : 0
        var ignored: UnsafeMutableRawPointer?
        for (address, size) in [(image.systemData, system), (image.snapshot, snapshot), (image.dataBegin, behind)]
        where size > 0 {
            let status = backend.slots.contextView(context, address, size, DN_VIEW_WRITE, &ignored, &error)
            guard status == DN_OK else { return status }
        }
        return DN_OK
    }

    /// An image of what the program of a context left; `dataBegin` as the program tells it. The context's run is over.
    /// - Throws: `.functionFault` when what the program tells cannot be.
    public func snapshot(of context: ComputeContext, dataBegin: UInt64) throws(Failure) -> ComputeImage {
        guard let imageSnapshot = backend.slots.imageSnapshot else {
            throw Failure(.internal, "backend \(backend.name) cannot begin from snapshots")
        }
        guard dataBegin >= context.image.dataBegin, dataBegin <= context.limit else {
            let place = "0x" + String(dataBegin, radix: 16)
            throw Failure(.functionFault, "the program left a snapshot whose memory ends at \(place), outside of it")
        }
        var made: OpaquePointer?
        var error = ABI.emptyError()
        let status = imageSnapshot(context.handle, dataBegin, &made, &error)
        guard status == DN_OK else { throw failure(status, error, "snapshot") }
        guard let made else { throw Failure(.internal, "backend \(backend.name): image_snapshot gave no image") }
        return try ComputeImage(backend: backend, handle: made)
    }

    /// What the host cannot work with; nil = nothing.
    private static func mistake(in info: dn_context_info, limit: UInt64) -> String? {
        guard info.low < info.limit, info.limit <= limit else {
            return "memory from \(info.low) to \(info.limit) in a context of \(limit) bytes"
        }
        guard info.stack_low <= info.stack_high else {
            return "a stack from \(info.stack_low) to \(info.stack_high)"
        }
        return nil
    }

    /// The id that the next `run` will have, for `interrupt`.
    public var nextRun: UInt64 { lastRun &+ 1 }

    /// Runs the image in `context` to its end. `deadline` is CLOCK_MONOTONIC ns, 0 = none.
    /// - Throws: only for failures of the platform; what the function did is in the result.
    public func run(_ context: ComputeContext, entryBlock: UInt64, deadline: UInt64) throws(Failure) -> RunResult {
        lastRun &+= 1
        var parameters = dn_run_params()
        parameters.struct_size = UInt32(MemoryLayout<dn_run_params>.size)
        parameters.run_id = lastRun
        parameters.deadline = deadline
        parameters.entry_block = entryBlock
        var result = dn_run_result()
        result.struct_size = UInt32(MemoryLayout<dn_run_result>.size)
        var error = ABI.emptyError()
        let status = backend.slots.run(handle, context.handle, &parameters, &result, &error)
        guard status == DN_OK else { throw failure(status, error, "run") }
        return RunResult(result)
    }

    /// Stops run `run` if it has not ended. Any thread.
    public func interrupt(run: UInt64, because reason: Int32) { backend.slots.interrupt(handle, run, reason) }

    /// Does postponed work for about `budget` ns; true when more is left.
    public func idle(budget: UInt64) -> Bool { (backend.slots.engineIdle?(handle, budget) ?? 0) != 0 }

    private func failure(_ status: dn_status, _ error: dn_error, _ what: String) -> Failure {
        var failure = ABI.failure(status, error, "backend \(backend.name): \(what)")
        if status == DN_ENGINE_DEAD {
            isDead = true
            failure.cause = .engineDead
        }
        return failure
    }
}

/// What a function did.
public struct RunResult: Sendable {
    public enum Outcome: Sendable { case exited, faulted, deadline, cancelled }
    public let outcome: Outcome
    /// From entering the sandbox to leaving it, ns.
    public let runTime: UInt64
    private let raw: dn_run_result

    init(_ raw: dn_run_result) {
        self.raw = raw
        runTime = raw.run_ns
        outcome =
            switch raw.outcome {
            case DN_RUN_EXITED: .exited
            case DN_RUN_DEADLINE: .deadline
            case DN_RUN_CANCELLED: .cancelled
            default: .faulted
            }
    }

    /// The failure that tells the user what the function did; nil when it exited.
    public func failure(function: String) -> Failure? {
        switch outcome {
        case .exited: return nil
        case .deadline:
            return Failure(.deadline, "function '\(function)' did not finish in time", [.init("function", function)])
        case .cancelled:
            return Failure(.cancelled, "function '\(function)' was cancelled", [.init("function", function)])
        case .faulted: break
        }
        let kind = ABIName.fault(raw.fault_kind == DN_FAULT_NONE ? DN_FAULT_OTHER : raw.fault_kind)
        var detail = "function '\(function)' was stopped: \(kind.replacing("-", with: " "))"
        var facts: [Failure.Fact] = [.init("function", function), .init("fault", kind)]
        func add(_ flag: UInt64, _ name: String, _ text: String, _ said: String) {
            guard raw.valid & flag != 0 else { return }
            facts.append(.init(name, text))
            detail += " \(said) \(text)"
        }
        add(1 << 2, "syscall", "\(raw.syscall_number)", "number")
        add(1 << 0, "address", "0x" + String(raw.fault_address, radix: 16), "at address")
        add(1 << 1, "pc", "0x" + String(raw.fault_pc, radix: 16), "by the instruction at")
        add(1 << 3, "trap", "\(raw.trap_code)", "trap code")
        let more = ABI.text(raw.detail)
        if !more.isEmpty { detail += " (\(more))" }
        return Failure(.functionFault, detail, facts)
    }
}
