import PluginABI
import PluginKit
import Synchronization

/// Runs images in contexts to their end, on one thread; `interrupt` comes on any.
final class Engine: ComputeEngine {
    private let settings: Settings
    /// The newest run that was interrupted << 1 | reason.
    private let stop = Atomic<UInt64>(0)

    init(_ settings: Settings) { self.settings = settings }

    override func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        try Context(limit: params.limit, most: settings.contextMax)
    }

    /// Remembers the newest run that was named, so that a late interrupt of an older one changes nothing.
    override func interrupt(run: UInt64, reason: Int32) {
        stop.max(run << 1 | (reason == DN_INTERRUPT_DEADLINE ? 1 : 0), ordering: .sequentiallyConsistent)
    }

    /// Why the run must end now; nil when it may go on.
    private func mustStop(_ params: dn_run_params) -> Int32? {
        let stop = stop.load(ordering: .sequentiallyConsistent)
        if stop >> 1 >= params.run_id { return stop & 1 == 1 ? DN_RUN_DEADLINE : DN_RUN_CANCELLED }
        return params.deadline != 0 && Clock.now() >= params.deadline ? DN_RUN_DEADLINE : nil
    }

    override func run(_ context: ComputeContext, _ params: dn_run_params) throws(PluginError) -> dn_run_result {
        // SAFETY: a context of this plugin.
        let context = unsafeDowncast(context, to: Context.self)
        guard let image = context.image else { throw PluginError(DN_MISUSE, "run before context_load") }
        let begun = Clock.now()
        var result = dn_run_result()
        interpret(image.code, context, params, &result)
        result.run_ns = Clock.now() &- begun
        return result
    }

    /// Interprets until the function leaves, faults, or is stopped.
    private func interpret(
        _ code: [Instruction], _ context: Context, _ params: dn_run_params, _ result: inout dn_run_result
    ) {
        var registers = [UInt64](repeating: 0, count: Instruction.registers)
        registers[0] = params.entry_block
        var (pc, steps) = (0, 0)
        while pc < code.count {
            if steps % 4096 == 0, let outcome = mustStop(params) {
                result.outcome = outcome
                return
            }
            steps &+= 1
            let one = code[pc]
            pc += 1
            switch one.operation {
            case .set: registers[one.a] = UInt64(bitPattern: one.number)
            case .add: registers[one.a] = registers[one.b] &+ registers[one.c]
            case .sub: registers[one.a] = registers[one.b] &- registers[one.c]
            case .jump: if registers[one.a] != 0 { pc = Int(one.number) }
            case .load, .store, .loadb, .storeb:
                guard move(one, context, &registers, &result) else {
                    fault(&result, result.fault_kind, pc - 1, "an address outside of the function's memory")
                    return
                }
            case .trap:
                result.trap_code = Int32(truncatingIfNeeded: one.number)
                result.valid |= DN_RESULT_TRAP
                fault(&result, DN_FAULT_TRAP, pc - 1, "trap")
                return
            case .exit:
                let code = Int32(registers[one.a] & 0xff)
                context.pointer(Layout.systemData, 4)?.storeBytes(of: code, as: Int32.self)
                result.outcome = DN_RUN_EXITED
                return
            }
        }
        fault(&result, DN_FAULT_EXECUTE, pc, "ran past its last instruction")
    }

    /// Moves a number between a register and memory; false when the address is not the function's.
    private func move(
        _ one: Instruction, _ context: Context, _ registers: inout [UInt64], _ result: inout dn_run_result
    ) -> Bool {
        let address = registers[one.b] &+ UInt64(bitPattern: one.number)
        let isWide = one.operation == .load || one.operation == .store
        guard let place = context.pointer(address, isWide ? 8 : 1) else {
            result.fault_address = address
            result.valid |= DN_RESULT_ADDRESS
            result.fault_kind = one.operation == .load || one.operation == .loadb ? DN_FAULT_READ : DN_FAULT_WRITE
            return false
        }
        switch one.operation {
        case .load: registers[one.a] = place.loadUnaligned(as: UInt64.self)
        case .loadb: registers[one.a] = UInt64(place.load(as: UInt8.self))
        case .store: place.storeBytes(of: registers[one.a], as: UInt64.self)
        default: place.storeBytes(of: UInt8(truncatingIfNeeded: registers[one.a]), as: UInt8.self)
        }
        return true
    }

    private func fault(_ result: inout dn_run_result, _ kind: Int32, _ pc: Int, _ detail: String) {
        result.outcome = DN_RUN_FAULTED
        result.fault_kind = kind
        result.fault_pc = UInt64(pc)
        result.valid |= DN_RESULT_PC
        writeText(detail, into: &result.detail)
    }
}
