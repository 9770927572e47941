internal import Failure
internal import Items
internal import Memory

/// Bytes of unknown number, in memory that doubles.
struct GrowingBytes {
    private(set) var count = 0
    private var storage: ChargedStorage?
    private let expected: Int
    private let account: MemoryAccount
    private let kind: MemoryKind

    /// - Parameter expected: How many bytes there will be, if that is known.
    init(expected: Int = 0, _ account: MemoryAccount, _ kind: MemoryKind) {
        self.expected = expected
        self.account = account
        self.kind = kind
    }

    /// - Throws: 429 when there is no room.
    mutating func append(_ bytes: Bytes) throws(Problem) {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return }
        let target = try room(for: count + bytes.count)
        // SAFETY: there is room for both, and nobody else has seen this storage yet.
        (target + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }

    private mutating func room(for needed: Int) throws(Problem) -> UnsafeMutableRawPointer {
        do throws(Failure) { return try reserve(needed) } catch { throw Problem(error) }
    }

    private mutating func reserve(_ needed: Int) throws(Failure) -> UnsafeMutableRawPointer {
        if let storage, needed <= storage.capacity {
            try storage.fill(to: needed)
            return storage.base
        }
        let larger = try ChargedStorage(capacity: max(512, expected, count * 2, needed), account, kind)
        try larger.fill(to: needed)
        if let storage { larger.base.copyMemory(from: storage.base, byteCount: count) }
        storage = larger
        return larger.base
    }

    var base: UnsafeRawPointer? { storage.map { UnsafeRawPointer($0.base) } }
    var blob: Blob { Blob(storage: storage, start: base, count: count) }
}
