import CCHERI
import Glibc
import PluginABI
import PluginHarness
import PluginKit
import Testing

@testable import CHERICore

/// What becomes of each signal that Morello Linux documents for a fault.
@Suite struct FaultTests {
    private let layout = ContextLayout(limit: 4 << 20, stackBytes: 64 << 10)

    private func result(_ fault: cheri_fault) -> dn_run_result {
        var result = dn_run_result()
        Fault(fault, layout).write(to: &result)
        return result
    }

    private func memory(_ code: Int32, _ address: UInt64, _ syndrome: UInt64) -> dn_run_result {
        result(cheri_fault(signal: SIGSEGV, code: code, address: address, pc: 0x11000, syndrome: syndrome, call: 0))
    }

    private func detail(_ result: dn_run_result) -> String { String(field: result.detail) }

    @Test(arguments: 10...14) func capabilityFaults(code: Int32) {
        let result = memory(code, 0x7fff_0000, 0x9200_006a)
        #expect(result.outcome == DN_RUN_FAULTED && result.fault_kind == DN_FAULT_CAPABILITY)
        #expect(result.valid == DN_RESULT_ADDRESS | DN_RESULT_PC | DN_RESULT_TRAP)
        #expect(result.fault_address == 0x7fff_0000 && result.fault_pc == 0x11000 && result.trap_code == code)
        #expect(detail(result).hasPrefix("store: "))
    }

    @Test func pageFaults() {
        #expect(memory(2, 0x1000, 0x9200_000f).fault_kind == DN_FAULT_READ)
        #expect(memory(2, 0x11000, 0x9200_004f).fault_kind == DN_FAULT_WRITE)
        #expect(memory(2, 0x20000, 0x8200_000f).fault_kind == DN_FAULT_EXECUTE)
        #expect(memory(1, layout.limit, 0x9200_0007).fault_kind == DN_FAULT_MEMORY_LIMIT)
        #expect(memory(1, layout.stackLow - 8, 0x9200_0047).fault_kind == DN_FAULT_STACK)
        #expect(
            memory(1, layout.stackLow - ContextLayout.stackGuard - 1, 0x9200_0047).fault_kind == DN_FAULT_MEMORY_LIMIT)
        // A kernel that tells no syndrome.
        #expect(memory(2, 0x11000, 0).fault_kind == DN_FAULT_READ)
    }

    @Test func otherSignals() {
        let call = result(cheri_fault(signal: SIGSYS, code: 1, address: 4, pc: 0x11004, syndrome: 0, call: 64))
        #expect(call.fault_kind == DN_FAULT_SYSCALL && call.syscall_number == 64 && call.fault_pc == 0x11000)
        #expect(call.valid == DN_RESULT_PC | DN_RESULT_SYSCALL)
        let kinds = [SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGUSR1].map { signal in
            result(cheri_fault(signal: signal, code: 1, address: 0, pc: 0, syndrome: 0, call: 0)).fault_kind
        }
        #expect(
            kinds == [
                DN_FAULT_ILLEGAL_INSTRUCTION, DN_FAULT_ARITHMETIC, DN_FAULT_TRAP, DN_FAULT_PROTECTION, DN_FAULT_OTHER,
            ])
    }

    @Test func everyEndBecomesAResult() throws {
        let ends: [(End, Int32)] = [
            (.left, DN_RUN_EXITED), (.stopped(DN_INTERRUPT_DEADLINE), DN_RUN_DEADLINE),
            (.stopped(DN_INTERRUPT_CANCEL), DN_RUN_CANCELLED),
            (.faulted(cheri_fault(signal: SIGILL, code: 1, address: 0, pc: 0, syndrome: 0, call: 0)), DN_RUN_FAULTED),
        ]
        for (end, outcome) in ends {
            let plugin = try TestPlugin.make(ScriptedExecutor { _ in end })
            let engine = try HarnessEngine(plugin)
            let image = try plugin.load(GuestCompiler.image("hello", for: .aarch64))
            #expect(try engine.invoke(image).outcome == outcome)
            engine.destroy()
        }
        let plugin = try TestPlugin.make(ScriptedExecutor { _ in .refused })
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(GuestCompiler.image("hello", for: .aarch64))
        let error = try #require(throws: HarnessError.self) { try engine.invoke(image) }
        #expect(error.status == DN_ENGINE_DEAD)
    }

    /// The memory of a context is private, zero when it is handed out, and gone from the host's reach where it must be.
    @Test func contextsAreCleanPrivateMemory() throws {
        let plugin = try TestPlugin.make(
            ScriptedExecutor { entry in
                memset(entry.memory + Int(entry.layout.stackLow), 0xa5, Int(entry.layout.size - entry.layout.stackLow))
                memset(entry.memory + 0x40000, 0xa5, 1 << 20)
                return .left
            })
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let image = try plugin.load(GuestCompiler.image("hello", for: .aarch64))
        for limit in [4 << 20, 4 << 20, 2 << 20, 8 << 20] as [UInt64] {
            var held: [HarnessContext] = []
            for _ in 0..<4 {
                let context = try engine.context(limit: limit, image: image)
                try context.write(inputs: [], outputs: ["out"])
                let info = context.info
                #expect(
                    info.exit_address == ContextLayout.stub && info.low == ContextLayout.lowest && info.limit == limit)
                #expect(try context.read(info.stack_low, info.stack_high - info.stack_low).allSatisfy { $0 == 0 })
                #expect(try context.read(0x40000, limit - 0x40000).allSatisfy { $0 == 0 })
                for (at, count) in [
                    (0, 8), (info.limit - 4, 8), (info.stack_low - 8, 8), (info.stack_high - 4, 8), (.max, 2),
                ]
                    as [(UInt64, UInt64)]
                {
                    let error = try #require(throws: HarnessError.self) { try context.read(at, count) }
                    #expect(error.status == DN_OUT_OF_RANGE)
                }
                held.append(context)
            }
            #expect(throws: HarnessError.self) { try engine.context(limit: limit, image: image) }
            for context in held {
                _ = try engine.run(context)
                let again = try #require(throws: HarnessError.self) { try engine.run(context) }
                #expect(again.status == DN_MISUSE)
                context.destroy()
            }
            engine.idle()
        }
    }
}
