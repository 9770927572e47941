import Glibc
import PluginABI
import PluginKit

/// What runs functions on one thread: a runner, and slots of memory.
final class Engine {
    let instance: Instance
    private let runner: any Runner
    private var slots: [Slot] = []

    init(instance: Instance) throws(PluginError) {
        self.instance = instance
        runner = try instance.executor.makeRunner()
        for _ in 0..<instance.settings.slots { slots.append(try Slot(instance.arena)) }
    }

    /// Asks the run named `id` to stop. Any thread: it reads only what is fixed after init.
    func interrupt(run id: UInt64, reason: Int32) { runner.interrupt(run: id, reason: reason) }

    // MARK: Contexts

    func takeSlot(limit: UInt64) throws(PluginError) -> Slot {
        let range = ContextLayout.lowest...instance.settings.contextMax
        guard range.contains(limit) else {
            throw PluginError(
                DN_LIMIT,
                "a memory limit of \(limit) bytes; this backend takes \(range.lowerBound) to \(range.upperBound)")
        }
        guard let slot = slots.first(where: { $0.claim(from: .clean) }) ?? claimDirty() else {
            throw PluginError(DN_BUSY, "all \(slots.count) contexts of the engine are held", retryable: true)
        }
        do throws(PluginError) {
            try slot.open(ContextLayout(limit: limit, stackBytes: instance.settings.stackBytes))
        } catch {
            slot.release(as: .dirty)
            throw error
        }
        return slot
    }

    private func claimDirty() -> Slot? {
        while let index = slots.firstIndex(where: { $0.claim(from: .dirty) }) {
            if slots[index].recycle() { return slots[index] }
            instance.services.log(DN_LOG_ERROR, "dropping a context whose memory cannot be cleaned")
            slots.remove(at: index)
        }
        return nil
    }

    /// Cleans slots for about `budget` ns, at least one. True when more are dirty.
    func idle(budget: UInt64) -> Bool {
        let end = Clock.now() &+ budget
        while let slot = claimDirty() {
            slot.release(as: .clean)
            guard Clock.now() < end else { break }
        }
        return slots.contains(where: \.isDirty)
    }

    // MARK: Runs

    func run(_ slot: Slot, _ parameters: dn_run_params) throws(PluginError) -> dn_run_result {
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
