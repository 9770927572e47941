import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// What runs functions on one thread: a stack for generated code, and slots of memory.
final class Engine: ComputeEngine {
    let instance: Instance
    private let runner: OpaquePointer
    let recycler: Recycler
    private var signals: SignalAttachment?
    private var pool = SlotPool<Slot>()

    init(instance: Instance) throws(PluginError) {
        let signals = try HostSignals(instance.services)
        guard let runner = rwasm_runner_create(signals.kickSignal, instance.settings.stackBytes) else {
            throw PluginError(DN_NO_MEMORY, "no stack or timer for an engine", errno: errno)
        }
        (self.instance, self.runner) = (instance, runner)
        recycler = Recycler(instance.pagemap)
        super.init()
        // SAFETY of the raw pointer: the runner lives until after the attachment, which ends in deinit.
        self.signals = try signals.attach(rwasm_runner_signal, UnsafeMutableRawPointer(runner))
        for _ in 0..<instance.settings.slots { pool.add(try Slot(engine: self)) }
    }

    deinit {
        signals = nil
        rwasm_runner_destroy(runner)
    }

    override func interrupt(run id: UInt64, reason: Int32) {
        signals?.interrupt(rwasm_runner_stop(runner), run: id, reason: reason)
    }

    // MARK: Contexts

    override func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        guard params.limit >= Part.pageBytes, params.limit <= Slot.contextMax else {
            throw PluginError(
                DN_LIMIT,
                "a memory limit of \(params.limit) bytes; this backend takes 64 KiB to \(Slot.contextMax >> 30) GiB")
        }
        pool.clean()
        guard let slot = pool.claim() else { throw pool.busy }
        slot.limit = params.limit
        return slot
    }

    override func idle(budget: UInt64) -> Bool { pool.idle(budget: budget) }

    // MARK: Runs

    override func run(_ context: ComputeContext, _ parameters: dn_run_params) throws(PluginError) -> dn_run_result {
        // SAFETY: a context of this engine.
        let slot = unsafeDowncast(context, to: Slot.self)
        guard let image = slot.image, slot.main != nil else {
            throw PluginError(DN_MISUSE, "run before context_load")
        }
        let begin = Clock.now()
        var result = dn_run_result()
        rwasm_runner_watch(runner, slot.memory, UInt64(Slot.reservedBytes))
        rwasm_runner_begin(runner, parameters.run_id, parameters.deadline, begin)
        defer { rwasm_runner_end(runner) }
        // Segments and a start function may overwrite what the host has written already.
        let system = slot.systemData
        if let end = setUp(slot) {
            Ending(end, image: image, isInShim: false).write(to: &result)
            result.run_ns = Clock.now() &- begin
            return result
        }
        if let system { slot.systemData = system }
        slot.shareMemory()
        var code: UInt64 = 0
        for (index, step) in image.steps.enumerated() {
            if index > 0, image.wasi == nil, let system { slot.systemData = system }
            let end = call(step, slot, parameters, &code)
            guard end.kind != RWASM_RETURNED else { continue }
            if !slot.hasLeft(end) { Ending(end, image: image, isInShim: slot.isInShim).write(to: &result) }
            break
        }
        result.run_ns = Clock.now() &- begin
        return result
    }

    /// Makes the instances, within the run's time; how that ended when it did not succeed.
    private func setUp(_ slot: Slot) -> rwasm_end? {
        setUp(slot.shimSetup) ?? setUp(slot.mainSetup)
    }

    private func setUp(_ setup: rwasm_setup?) -> rwasm_end? {
        guard var setup else { return nil }
        let end = rwasm_runner_set_up(runner, &setup)
        return end.kind == RWASM_RETURNED ? nil : end
    }

    private func call(_ step: Program.Step, _ slot: Slot, _ parameters: dn_run_params, _ code: inout UInt64)
        -> rwasm_end
    {
        guard let placed = step.isShim ? slot.shim : slot.main else { return rwasm_end() }
        let argument =
            switch step.argument {
            case .none: UInt64(0)
            case .entryBlock: parameters.entry_block
            case .exitCode: code
            }
        var values = (rwasm_value(low: argument, high: 0), rwasm_value())
        // SAFETY: a tuple of two values is laid out as an array of two, and lives during the call.
        let end = withUnsafeMutableBytes(of: &values) { bytes in
            rwasm_runner_call(
                runner, placed.area.layout.descriptor, placed.area.instance, step.function,
                bytes.assumingMemoryBound(to: rwasm_value.self).baseAddress.unsafelyUnwrapped, 2)
        }
        if step.givesCode { code = values.0.low }
        return end
    }
}

extension Slot {
    /// Whether a run ended by leaving: the exit code was stored, then came an `unreachable`. There is no other way to leave
    /// from any depth without an import.
    func hasLeft(_ end: rwasm_end) -> Bool {
        end.kind == RWASM_TRAPPED && end.code == Trap.unreachable.rawValue
            && systemData.map { $0.exit_code != -1 } ?? false
    }
}
