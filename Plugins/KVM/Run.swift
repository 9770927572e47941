import CKVM
import CPluginKit
import Glibc
import PluginABI
import PluginKit

/// One run of a function, from its first instruction to the exit that ends it.
extension Engine {
    func run(_ slot: Slot, _ parameters: dn_run_params) throws(PluginError) -> dn_run_result {
        guard let image = slot.image else { throw PluginError(DN_MISUSE, "run before context_load") }
        let machine = try map(slot, image)
        let begin = Clock.now()
        machine.enter(entry: image.entry, argument: parameters.entry_block, root: slot.root)
        _ = dk_stop_begin(signals.stop, parameters.run_id, parameters.deadline, begin)
        defer { dk_stop_end(signals.stop) }
        var result = dn_run_result()
        switch try untilEnd(machine, slot) {
        case .left: result.outcome = DN_RUN_EXITED
        case .faulted(let fault): fault.write(to: &result)
        case .stopped(let reason):
            result.outcome = reason == DN_INTERRUPT_DEADLINE ? DN_RUN_DEADLINE : DN_RUN_CANCELLED
        }
        result.run_ns = Clock.now() &- begin
        return result
    }

    private enum End {
        case left
        case faulted(Fault)
        case stopped(Int32)
    }

    private func untilEnd(_ machine: VirtualMachine, _ slot: Slot) throws(PluginError) -> End {
        while true {
            let reason = ckvm_stopper_poll(signals.stopper)
            if reason != DK_GO_ON {
                try settle(machine)
                return .stopped(reason)
            }
            switch ckvm_run(machine.vcpu) {
            case 0: break
            case EINTR, EAGAIN: continue
            case let error:
                replaceMachine()
                throw PluginError(DN_ENGINE_DEAD, "KVM_RUN failed", errno: error, retryable: true)
            }
            switch machine.lastExit(in: slot) {
            case .left: return .left
            case .resumed: continue
            case .faulted(let fault): return .faulted(fault)
            case .violation(let fault):
                try settle(machine)
                return .faulted(fault)
            case .broken(let fault):
                replaceMachine()
                return .faulted(fault)
            }
        }
    }

    /// Ends what the last exit left half done, so that it cannot reach into the next run.
    private func settle(_ machine: VirtualMachine) throws(PluginError) {
        let error = machine.settle()
        guard error != 0 else { return }
        replaceMachine()
        throw PluginError(DN_ENGINE_DEAD, "the vCPU does not come to rest", errno: error, retryable: true)
    }
}
