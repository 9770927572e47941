public import Failure
internal import Glibc
public import Items

/// Heap memory that is charged until the last item that lies in it is gone.
public final class ChargedStorage: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; charges are changed by whoever fills or takes it apart, which is one
    // thread at a time.
    public let base: UnsafeMutableRawPointer
    public let capacity: Int
    private var charge: MemoryCharge
    private var filled = 0
    private var beside = 0

    /// Room that nothing was written to yet is not charged: the kernel gives it no memory either.
    /// - Throws: `.busy` when the kernel has no memory.
    public init(capacity: Int, _ account: MemoryAccount, _ kind: MemoryKind) throws(Failure) {
        guard let base = malloc(max(capacity, 1)) else { throw Failure(.busy, "the machine has no memory left") }
        self.base = base
        self.capacity = capacity
        charge = MemoryCharge(account, kind)
        super.init()
    }

    // The charge ends after this.
    deinit { free(base) }

    /// The first `count` bytes are, or are about to be, written.
    public func fill(to count: Int) throws(Failure) {
        guard count > filled else { return }
        try charge.grow(to: count + beside)
        filled = count
    }

    /// As `fill`, for what is there in any case: the bounds are not asked.
    public func noteFilled(to count: Int) {
        charge.note(count + beside)
        filled = count
    }

    /// Charges `count` bytes more that live as long as these: tables of items that lie here.
    public func chargeBeside(_ count: Int) throws(Failure) {
        try charge.grow(by: count)
        beside += count
    }
}

extension Blob {
    /// Copies `bytes` to memory of its own, charged before it is taken.
    public init(copying bytes: UnsafeRawBufferPointer, _ account: MemoryAccount, _ kind: MemoryKind) throws(Failure) {
        guard let base = bytes.baseAddress, bytes.count > 0 else {
            self = .empty
            return
        }
        let storage = try ChargedStorage(capacity: bytes.count, account, kind)
        try storage.fill(to: bytes.count)
        // SAFETY: the storage has room for exactly bytes.count bytes and nobody else knows it yet.
        storage.base.copyMemory(from: base, byteCount: bytes.count)
        self.init(storage: storage, start: UnsafeRawPointer(storage.base), count: bytes.count)
    }

    /// Charges `count` bytes for tables of items that are parts of this; to be asked before these are made. What is small
    /// enough to lie in a connection's buffer cannot become much, and is not charged.
    public func chargeBeside(_ count: Int) throws(Failure) {
        try (storage as? ChargedStorage)?.chargeBeside(count)
    }
}
