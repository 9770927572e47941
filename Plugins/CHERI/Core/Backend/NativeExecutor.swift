import CCHERI
import Glibc
import PluginABI
import PluginSupport

/// This machine's processor.
struct NativeExecutor: Executor {
    // SAFETY of nonisolated(unsafe): the host and its tables are for any thread, and live until stop returns.
    nonisolated(unsafe) let host: UnsafePointer<dn_host>
    /// System calls from here meet a signal.
    let arena: Range<UInt64>
    let filters: Bool

    func makeRunner() throws(PluginError) -> any Runner { try NativeRunner(self) }
}

/// Runs on the thread that made it.
private final class NativeRunner: Runner {
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_signal>
    private let runner: OpaquePointer
    private var token: UInt64 = 0
    /// Every number may be a token.
    private var isAttached = false

    init(_ executor: NativeExecutor) throws(PluginError) {
        host = executor.host
        let size = MemoryLayout<dn_host_signal>.size
        guard let table = HostServices.table(host, DN_HOST_SIGNAL_1, slots: size, as: dn_host_signal.self),
            let attach = table.pointee.attach, table.pointee.detach != nil, table.pointee.kick != nil
        else { throw PluginError(DN_UNAVAILABLE, "the host offers no \(DN_HOST_SIGNAL_1)") }
        guard let runner = cheri_runner_create(table.pointee.kick_signal) else {
            throw PluginError(DN_LIMIT, "no timer for an engine; raise the limit of pending signals", errno: errno)
        }
        (self.table, self.runner) = (table, runner)
        // SAFETY of the raw pointer: the runner lives until after detach, in deinit.
        let status = attach(host, cheri_runner_signal, UnsafeMutableRawPointer(runner), &token)
        guard status == DN_OK else {
            throw PluginError(status, "the host takes no signal handler for the thread")
        }
        isAttached = true
        guard executor.filters else { return }
        let error = cheri_filter_system_calls(executor.arena.lowerBound, executor.arena.upperBound)
        guard error == 0 else {
            throw PluginError(DN_UNAVAILABLE, "seccomp takes no filter for an engine's thread", errno: error)
        }
    }

    deinit {
        if isAttached { table.pointee.detach?(host, token) }
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
        switch cheri_runner_run(runner, &call, id, deadline, &fault, &reason) {
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
        if cheri_runner_request(runner, id, reason) == 1 { table.pointee.kick?(host, token) }
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
