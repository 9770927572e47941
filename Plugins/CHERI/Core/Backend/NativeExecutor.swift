import CCHERI
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// This machine's processor.
struct NativeExecutor: Executor {
    let services: HostServices
    /// System calls from here meet a signal.
    let arena: Range<UInt64>
    let filters: Bool

    func makeRunner() throws(PluginError) -> any Runner { try NativeRunner(self) }
}

/// Runs on the thread that made it.
private final class NativeRunner: Runner {
    private let runner: OpaquePointer
    private var signals: SignalAttachment?

    init(_ executor: NativeExecutor) throws(PluginError) {
        let signals = try HostSignals(executor.services)
        guard let runner = cheri_runner_create(signals.kickSignal) else {
            throw PluginError(DN_LIMIT, "no timer for an engine; raise the limit of pending signals", errno: errno)
        }
        self.runner = runner
        // SAFETY of the raw pointer: the runner lives until after the attachment, which ends in deinit.
        self.signals = try signals.attach(cheri_runner_signal, UnsafeMutableRawPointer(runner))
        guard executor.filters else { return }
        let error = cheri_filter_system_calls(executor.arena.lowerBound, executor.arena.upperBound)
        guard error == 0 else {
            throw PluginError(DN_UNAVAILABLE, "seccomp takes no filter for an engine's thread", errno: error)
        }
    }

    deinit {
        signals = nil
        cheri_runner_destroy(runner)
    }

    func run(_ entry: Entry, id: UInt64, deadline: UInt64) throws(PluginError) -> End {
        let base = UInt64(UInt(bitPattern: entry.memory))
        for range in entry.protections {
            try protect(entry.memory, range)
            if range.rights.contains(.execute) { cheri_runner_sync(base + range.begin, base + range.end) }
        }
        var call = entry.call(at: base)
        var fault = cheri_fault()
        var reason: Int32 = 0
        switch cheri_runner_run(runner, &call, id, deadline, Clock.now(), &fault, &reason) {
        case CHERI_LEFT: return .left
        case CHERI_STOPPED: return .stopped(reason)
        case CHERI_FAULTED:
            fault.address &-= base
            fault.pc &-= base
            return .faulted(fault)
        default: return .refused
        }
    }

    func interrupt(run id: UInt64, reason: Int32) {
        signals?.interrupt(cheri_runner_stop(runner), run: id, reason: reason)
    }
}

/// Gives pages of a context their rights.
func protect(_ memory: UnsafeMutableRawPointer, _ range: PageRange) throws(PluginError) {
    var protection = PROT_NONE
    if range.rights.contains(.read) { protection |= PROT_READ }
    if range.rights.contains(.write) { protection |= PROT_WRITE }
    if range.rights.contains(.execute) { protection |= PROT_EXEC }
    // Safe: ranges of a context are whole pages inside its place of the arena, which nothing else uses.
    guard mprotect(memory + Int(range.begin), Int(range.end - range.begin), protection) == 0 else {
        throw PluginError(DN_NO_MEMORY, "cannot change the rights of a context's pages", errno: errno)
    }
}
