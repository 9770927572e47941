public import CPluginKit
public import PluginABI

/// The host's signals (`dn.host.signal/1`), for an engine's thread.
public struct HostSignals {
    fileprivate let host: UnsafePointer<dn_host>
    fileprivate let table: UnsafePointer<dn_host_signal>
    private let attachSlot:
        @convention(c) (
            UnsafePointer<dn_host>, dn_signal_handler, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>
        ) -> dn_status

    /// - Throws: DN_UNAVAILABLE when the host does not offer them.
    public init(_ services: HostServices) throws(PluginError) {
        guard
            let table: UnsafePointer<dn_host_signal> = services.table(
                DN_HOST_SIGNAL_1, MemoryLayout<dn_host_signal>.size),
            let attach = table.pointee.attach, table.pointee.detach != nil, table.pointee.kick != nil
        else { throw PluginError(DN_UNAVAILABLE, "the host offers no \(DN_HOST_SIGNAL_1)") }
        (host, self.table, attachSlot) = (services.pointer, table, attach)
    }

    /// The signal that `kick` sends, which timers of the thread may send too.
    public var kickSignal: Int32 { table.pointee.kick_signal }

    /// Attaches a handler to the calling thread.
    /// - Parameter argument: what it is called with; it must live longer than the attachment.
    public func attach(
        _ handler: dn_signal_handler, _ argument: UnsafeMutableRawPointer
    ) throws(PluginError) -> SignalAttachment {
        var token: UInt64 = 0
        let status = attachSlot(host, handler, argument, &token)
        guard status == DN_OK else { throw PluginError(status, "the host takes no signal handler for the thread") }
        return SignalAttachment(self, token)
    }
}

/// A signal handler on a thread, until the object ends there.
public final class SignalAttachment: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init, and the ABI makes `kick` [any-thread].
    private let signals: HostSignals
    private let token: UInt64

    fileprivate init(_ signals: HostSignals, _ token: UInt64) { (self.signals, self.token) = (signals, token) }

    deinit { signals.table.pointee.detach?(signals.host, token) }

    /// Asks the run named `id` to stop (`dn_compute.interrupt`). Any thread.
    /// - Parameter stop: what the handler asks.
    public func interrupt(_ stop: UnsafeMutablePointer<dk_stop>, run id: UInt64, reason: Int32) {
        if dk_stop_request(stop, id, reason) == 1 { signals.table.pointee.kick?(signals.host, token) }
    }
}
