internal import Glibc
public import Items

/// Heap memory that is charged from its beginning to its end, for buffers.
public final class HeldStorage: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage.
    public let base: UnsafeMutableRawPointer
    public let capacity: Int
    private let charge: MemoryCharge

    /// - Parameter charge: of as many bytes.
    public init(capacity: Int, _ charge: consuming MemoryCharge) {
        self.capacity = capacity
        self.charge = charge
        base = .allocate(byteCount: max(capacity, 1), alignment: 16)
        super.init()
    }

    /// Memory that is taken in any case: the bounds are not asked.
    public convenience init(noting capacity: Int, _ account: MemoryAccount, _ kind: MemoryKind) {
        var charge = MemoryCharge(account, kind)
        charge.note(capacity)
        self.init(capacity: capacity, charge)
    }

    deinit { base.deallocate() }
}
