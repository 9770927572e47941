import CCHERI
import Foundation
import PluginABI
import PluginKit
import Synchronization

@testable import CHERICore

/// Runs functions on an emulated Morello processor, by the plugin's own trampoline and with its own contexts.
final class EmulatedExecutor: Executor {
    private let trampoline: String
    let rounds: UInt64
    /// Every page of the context can be read, written and executed: capabilities alone stand in a function's way.
    let opensPages: Bool
    /// What the newest run's machine said.
    let last = Mutex(EmulatedMachine.Response())

    init(trampoline: String? = nil, rounds: UInt64 = 1, opensPages: Bool = false) throws {
        self.trampoline = try trampoline ?? Emulator.trampoline()
        (self.rounds, self.opensPages) = (rounds, opensPages)
    }

    func makeRunner() throws(PluginError) -> any Runner {
        do {
            return EmulatedRunner(self, try EmulatedMachine(trampoline: trampoline))
        } catch {
            throw PluginError(DN_UNAVAILABLE, "\(error)")
        }
    }
}

private final class EmulatedRunner: Runner {
    private let executor: EmulatedExecutor
    private let machine: EmulatedMachine
    private let early = Mutex<(run: UInt64, reason: Int32)?>(nil)

    init(_ executor: EmulatedExecutor, _ machine: EmulatedMachine) {
        (self.executor, self.machine) = (executor, machine)
    }

    func run(_ entry: Entry, id: UInt64, deadline: UInt64) throws(PluginError) -> End {
        if let early = early.withLock({ $0 }), early.run == id { return .stopped(early.reason) }
        let now = Clock.now()
        if deadline != 0, deadline <= now { return .stopped(DN_INTERRUPT_DEADLINE) }
        let response: EmulatedMachine.Response
        do {
            response = try machine.run(
                entry, rounds: executor.rounds, nanoseconds: deadline == 0 ? 0 : deadline - now,
                opensPages: executor.opensPages)
        } catch {
            throw PluginError(DN_ENGINE_DEAD, "\(error)")
        }
        executor.last.withLock { $0 = response }
        guard response.damage == 0 else {
            throw PluginError(DN_ENGINE_DEAD, "the run changed the host: DAMAGE bits 0x\(hex(response.damage))")
        }
        switch response.status {
        case CHERI_LEFT: return .left
        case CHERI_STOPPED: return .stopped(DN_INTERRUPT_DEADLINE)
        case CHERI_REFUSED: return .refused
        case CHERI_FAULTED:
            var fault = response.fault
            fault.address &-= EmulatedMachine.contextBase
            fault.pc &-= EmulatedMachine.contextBase
            return .faulted(fault)
        default:
            throw PluginError(
                DN_ENGINE_DEAD, "the host crashed: syndrome 0x\(hex(response.syndrome)), pc 0x\(hex(response.fault.pc))"
            )
        }
    }

    /// The machine takes no orders while it runs: only a run that has not begun is stopped.
    func interrupt(run id: UInt64, reason: Int32) { early.withLock { $0 = (id, reason) } }
}
