import CKVM
import PluginABI
import PluginSupport

/// What reaches an engine's thread by signal: requests to stop a run, deadlines, and the trimmer's ticks.
final class Signals {
    let stopper: OpaquePointer
    private let trimmer: OpaquePointer
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_signal>
    private var stopperToken: UInt64?
    private var trimmerToken: UInt64?

    init(_ host: UnsafePointer<dn_host>, slots: Int) throws(PluginError) {
        let size = MemoryLayout<dn_host_signal>.size
        guard let table = HostServices.table(host, DN_HOST_SIGNAL_1, slots: size, as: dn_host_signal.self),
            let attach = table.pointee.attach, table.pointee.detach != nil, table.pointee.kick != nil
        else { throw PluginError(DN_UNAVAILABLE, "the host offers no \(DN_HOST_SIGNAL_1)") }
        let signal = table.pointee.kick_signal
        guard let stopper = ckvm_stopper_create(signal) else {
            throw PluginError(DN_LIMIT, "no timer for an engine; raise the limit of pending signals")
        }
        guard let trimmer = ckvm_trimmer_create(signal, Int32(slots)) else {
            ckvm_stopper_destroy(stopper)
            throw PluginError(DN_LIMIT, "no timer for an engine; raise the limit of pending signals")
        }
        (self.host, self.table, self.stopper, self.trimmer) = (host, table, stopper, trimmer)
        // SAFETY of the raw pointers: both live until after detach, in deinit.
        stopperToken = try Self.attach(attach, host, ckvm_stopper_signal, UnsafeMutableRawPointer(stopper))
        trimmerToken = try Self.attach(attach, host, ckvm_trimmer_signal, UnsafeMutableRawPointer(trimmer))
    }

    private typealias Attach =
        @convention(c) (
            UnsafePointer<dn_host>, dn_signal_handler, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>
        ) -> dn_status

    private static func attach(
        _ attach: Attach, _ host: UnsafePointer<dn_host>, _ handler: dn_signal_handler,
        _ argument: UnsafeMutableRawPointer
    ) throws(PluginError) -> UInt64 {
        var token: UInt64 = 0
        let status = attach(host, handler, argument, &token)
        guard status == DN_OK else { throw PluginError(status, "the host takes no signal handler for the thread") }
        return token
    }

    deinit {
        for token in [stopperToken, trimmerToken] {
            if let token { table.pointee.detach?(host, token) }
        }
        ckvm_stopper_destroy(stopper)
        ckvm_trimmer_destroy(trimmer)
    }

    /// Any thread.
    func interrupt(run id: UInt64, reason: Int32) {
        if ckvm_stopper_request(stopper, id, reason) == 1, let stopperToken { table.pointee.kick?(host, stopperToken) }
    }

    /// Puts a slot under the trimmer's care.
    func trims(_ slot: Slot) {
        ckvm_trimmer_add(
            trimmer, slot.state, slot.memory, GuestMap.stackBytes - Slot.idleStackKept,
            GuestMap.stackBytes + Slot.idleContextKept)
    }

    /// The slot's memory has been used up to its limit.
    func touched(_ slot: Slot) { ckvm_trimmer_touch(trimmer, Int32(slot.index), GuestMap.stackBytes + slot.limit) }
}
