public import PluginABI

/// The node's account of memory (dn.host.memory/1). A host that does not offer it keeps none: nothing is charged there.
public struct HostMemory: @unchecked Sendable {
    // Safe to share: the ABI makes the host and its tables [any-thread] and keeps them until stop returns.
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_memory>?

    public init(_ services: HostServices) {
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

/// What a plugin holds on one account; given back at the latest when this ends. One thread at a time.
public final class HostCharge {
    private let memory: HostMemory
    private var account: UInt64
    public private(set) var held = 0

    public init(_ memory: HostMemory, account: UInt64 = DN_ACCOUNT_OWN) {
        self.memory = memory
        self.account = account
    }

    deinit { settle() }

    /// From now on for this account.
    public func open(_ account: UInt64) {
        settle()
        self.account = account
    }

    /// Charges `bytes` more, before they are taken. False when there is no room for them.
    public func take(_ bytes: Int) -> Bool {
        guard memory.charge(bytes, to: account) else { return false }
        held += bytes
        return true
    }

    /// Gives back what is held beyond `bytes`.
    public func settle(to bytes: Int = 0) {
        guard held > bytes else { return }
        memory.release(held - bytes, from: account)
        held = bytes
    }
}
