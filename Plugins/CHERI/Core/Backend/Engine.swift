import CPluginKit
import PluginABI
import PluginKit

/// What runs functions on one thread: a runner, and slots of memory.
final class Engine: ComputeEngine {
    let instance: Instance
    private let runner: any Runner
    private var pool = SlotPool<Slot>()

    init(instance: Instance) throws(PluginError) {
        self.instance = instance
        runner = try instance.executor.makeRunner()
        super.init()
        for _ in 0..<instance.settings.slots { pool.add(try Slot(instance)) }
    }

    override func interrupt(run id: UInt64, reason: Int32) { runner.interrupt(run: id, reason: reason) }

    // MARK: Contexts

    override func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        let range = ContextLayout.lowest...instance.settings.contextMax
        guard range.contains(params.limit) else {
            throw PluginError(
                DN_LIMIT,
                "a memory limit of \(params.limit) bytes; this backend takes \(range.lowerBound) to \(range.upperBound)"
            )
        }
        pool.clean()
        guard let slot = pool.claim() else { throw pool.busy }
        do throws(PluginError) {
            try slot.open(ContextLayout(limit: params.limit, stackBytes: instance.settings.stackBytes))
        } catch {
            slot.release(as: DK_SLOT_DIRTY)
            throw error
        }
        return slot
    }

    override func idle(budget: UInt64) -> Bool { pool.idle(budget: budget) }

    // MARK: Runs

    override func run(_ context: ComputeContext, _ parameters: dn_run_params) throws(PluginError) -> dn_run_result {
        // SAFETY: a context of this engine.
        let slot = unsafeDowncast(context, to: Slot.self)
        let entry = try slot.begin(argument: parameters.entry_block)
        let began = Clock.now()
        let end = try runner.run(entry, id: parameters.run_id, deadline: parameters.deadline)
        var result = dn_run_result()
        result.run_ns = Clock.now() &- began
        switch end {
        case .left: result.outcome = DN_RUN_EXITED
        case .faulted(let fault): Fault(fault, entry.layout).write(to: &result)
        case .stopped(let reason):
            result.outcome = reason == DN_INTERRUPT_DEADLINE ? DN_RUN_DEADLINE : DN_RUN_CANCELLED
        case .refused:
            throw PluginError(
                DN_ENGINE_DEAD, "the processor gave no capability with exactly the bounds and permissions asked for")
        }
        return result
    }
}
