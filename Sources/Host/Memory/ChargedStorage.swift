public import Failure
internal import Glibc
public import Items
internal import Platform

/// Memory that is charged until the last item that lies in it is gone. What is large lies in a file, so that functions'
/// sandboxes can map it.
public final class ChargedStorage: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; charges are changed by whoever fills or takes it apart, which is one
    // thread at a time.
    public let base: UnsafeMutableRawPointer
    public let capacity: Int
    /// Of what is the heap's.
    private var charge: MemoryCharge
    private var filled = 0
    private var beside = 0
    /// Nil: the memory is the heap's.
    private let large: LargeMemory?

    /// From so many bytes on memory is a file: below, a mapping costs more than a copy.
    public static let shared = SharedFile.largePage

    /// Room that nothing was written to yet is not charged: the kernel gives it no memory either.
    /// - Throws: `.busy` when the kernel has no memory.
    public init(capacity: Int, _ account: MemoryAccount, _ kind: MemoryKind) throws(Failure) {
        // Without another descriptor or mapping it is the heap's, and copied.
        large = capacity >= Self.shared ? LargeMemory(capacity: capacity, account, kind) : nil
        guard let base = large?.file.base ?? malloc(max(capacity, 1)) else {
            throw Failure(.busy, "the machine has no memory left")
        }
        self.base = base
        self.capacity = capacity
        charge = MemoryCharge(account, kind)
        super.init()
    }

    // The charge ends after this.
    deinit { if let large { large.drop() } else { free(base) } }

    public override func filePart(of bytes: UnsafeRawBufferPointer) -> FilePart? {
        guard let file = large?.file, let start = bytes.baseAddress else { return nil }
        let first = start - UnsafeRawPointer(base)
        return FilePart(descriptor: file.descriptor, of: first..<first + bytes.count, zeroFrom: filled)
    }

    /// What memory of so many bytes takes: large pages are taken whole.
    private func taken(_ count: Int) -> Int {
        guard large != nil, SharedFile.hasLargePages else { return count }
        return (count + SharedFile.largePage - 1) & ~(SharedFile.largePage - 1)
    }

    /// The first `count` bytes are, or are about to be, written.
    public func fill(to count: Int) throws(Failure) {
        guard count > filled else { return }
        if let large { try large.charge.grow(to: taken(count) + beside) } else { try charge.grow(to: count + beside) }
        filled = count
    }

    /// As `fill`, for what is there in any case: the bounds are not asked.
    public func noteFilled(to count: Int) {
        if let large { large.charge.note(taken(count) + beside) } else { charge.note(count + beside) }
        filled = count
    }

    /// Charges `count` bytes more that live as long as these: tables of items that lie here.
    public func chargeBeside(_ count: Int) throws(Failure) {
        if let large { try large.charge.grow(by: count) } else { try charge.grow(by: count) }
        beside += count
    }
}

/// A file in memory and what is charged for it.
private final class LargeMemory: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for the storage whose it is; after that, of nobody but who drops it.
    // Goes before the charge does.
    let file: SharedFile
    var charge: MemoryCharge

    private static let dropping = HelperThreads(count: 1)

    init?(capacity: Int, _ account: MemoryAccount, _ kind: MemoryKind) {
        guard let file = SharedFile(capacity: capacity) else { return nil }
        self.file = file
        charge = MemoryCharge(account, kind)
    }

    /// Gives the memory back, which takes the kernel milliseconds: not on an event loop, where all others would wait. Until
    /// then it stays charged.
    func drop() {
        // When too much waits there, it is given back here after all.
        _ = Self.dropping.submit { withExtendedLifetime(self) {} }
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
