import Glibc
public import PluginABI

/// What one run of a guest gave.
public struct Outcome: Sendable {
    public var outcome: Int32
    public var faultKind: Int32
    public var trapCode: Int32
    public var address: UInt64?
    public var pc: UInt64?
    public var syscall: Int64?
    public var runNanoseconds: UInt64
    public var detail: String
    /// From the system data; the harness wrote -1 before the run.
    public var exitCode: Int32
    /// Empty when the guest's output table was refused: `outputProblem` says why.
    public var outputs: [GuestSet]
    public var outputProblem: String?
    public var context: dn_context_info
    /// Where the guest expected to fault, by its own word (NOTE_PC, NOTE_ADDRESS of Tests/Guests/guest.h).
    public var notedPC: UInt64
    public var notedAddress: UInt64
}

/// One engine on the calling thread, which must be the one that uses it to the end.
public final class HarnessEngine {
    public let plugin: HarnessPlugin
    public let handle: OpaquePointer
    private var runID: UInt64 = 0

    /// `core` -1 leaves the thread where it is; else the caller has pinned it there.
    public init(_ plugin: HarnessPlugin, core: Int32 = -1) throws(HarnessError) {
        var params = dn_engine_params()
        params.struct_size = UInt32(MemoryLayout<dn_engine_params>.size)
        params.core = core
        params.engine_id = 1
        var engine: OpaquePointer?
        try attempt("engine_create") { plugin.compute.pointee.engine_create?(plugin.instance, &params, &engine, $0) }
        guard let engine else { throw HarnessError(DN_FAILED, "engine_create gave no engine") }
        self.plugin = plugin
        handle = engine
    }

    /// Ends the engine; call it on the engine's thread, after every context is gone.
    public func destroy() { plugin.compute.pointee.engine_destroy?(handle) }

    /// Does the postponed work that is there.
    public func idle() {
        while plugin.compute.pointee.engine_idle?(handle, 1_000_000) == 1 {}
    }

    /// The id that the next run will have, for an interrupt from another thread.
    public var nextRunID: UInt64 { runID + 1 }

    public func context(limit: UInt64, image: HarnessImage) throws(HarnessError) -> HarnessContext {
        var params = dn_context_params()
        params.struct_size = UInt32(MemoryLayout<dn_context_params>.size)
        params.limit = limit
        params.image = image.handle
        var handle: OpaquePointer?
        try attempt("context_create") { plugin.compute.pointee.context_create?(self.handle, &params, &handle, $0) }
        guard let handle else { throw HarnessError(DN_FAILED, "context_create gave no context") }
        let context = HarnessContext(plugin, handle, image)
        do {
            try attempt("context_load") { plugin.compute.pointee.context_load?(handle, image.handle, $0) }
        } catch {
            context.destroy()
            throw error
        }
        return context
    }

    /// Runs a context that has its inputs; `deadline` is nanoseconds from now, 0 for none.
    public func run(_ context: HarnessContext, deadline: UInt64 = 0) throws(HarnessError) -> dn_run_result {
        runID += 1
        var params = dn_run_params()
        params.struct_size = UInt32(MemoryLayout<dn_run_params>.size)
        params.run_id = runID
        params.deadline = deadline == 0 ? 0 : now() + deadline
        params.entry_block = context.entryBlock
        var result = dn_run_result()
        result.struct_size = UInt32(MemoryLayout<dn_run_result>.size)
        try attempt("run") { plugin.compute.pointee.run?(handle, context.handle, &params, &result, $0) }
        return result
    }

    /// The whole way of one invocation.
    public func invoke(
        _ image: HarnessImage, inputs: [GuestSet] = [], outputs: [String] = ["out"], limit: UInt64 = 4 << 20,
        deadline: UInt64 = 5_000_000_000, idle: Bool = true
    ) throws(HarnessError) -> Outcome {
        let context = try context(limit: limit, image: image)
        try context.write(inputs: inputs, outputs: outputs)
        let result = try run(context, deadline: deadline)
        let outcome = try context.outcome(result)
        context.destroy()
        if idle { self.idle() }
        return outcome
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
public func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
