internal import PluginABI
internal import PluginKit

/// The node's account of memory (dn.host.memory/1). A host that does not offer it keeps none: nothing is charged there.
struct MemoryService: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: host and table stay as they are until stop returns; any thread may call.
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_memory>?

    init(_ services: HostServices) {
        host = services.pointer
        table = services.table(DN_HOST_MEMORY_1, MemoryLayout<dn_host_memory>.size)
    }

    fileprivate func charge(_ bytes: Int, to account: UInt64) -> Bool {
        guard let charge = table?.pointee.charge else { return true }
        return charge(host, account, UInt64(bytes)) == DN_OK
    }

    fileprivate func release(_ bytes: Int, from account: UInt64) {
        table?.pointee.release?(host, account, UInt64(bytes))
    }
}

/// What one request holds on its account, from submit to release.
final class MemoryCharge {
    private let service: MemoryService
    private var account: UInt64 = 0
    private var held = 0

    init(_ service: MemoryService) { self.service = service }

    deinit { settle() }

    /// From now on for this account.
    func open(_ account: UInt64) {
        settle()
        self.account = account
    }

    /// Charges `bytes` more, before they are taken. False when there is no room for them.
    func take(_ bytes: Int) -> Bool {
        guard service.charge(bytes, to: account) else { return false }
        held += bytes
        return true
    }

    /// Gives everything back.
    func settle() {
        if held > 0 { service.release(held, from: account) }
        held = 0
    }
}
