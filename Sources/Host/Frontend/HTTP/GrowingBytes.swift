internal import Engines
internal import Failure
internal import Items

/// Bytes of unknown number, in memory that doubles.
struct GrowingBytes {
    private(set) var count = 0
    private var storage: BudgetedStorage?
    private let expected: Int
    private let budget: MemoryBudget

    /// - Parameter expected: How many bytes there will be, if that is known.
    init(expected: Int = 0, budget: MemoryBudget) {
        self.expected = expected
        self.budget = budget
    }

    /// - Throws: 429 when the budget is used up.
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
        let larger = try BudgetedStorage(capacity: max(512, expected, count * 2, needed), budget: budget)
        try larger.fill(to: needed)
        if let storage { larger.base.copyMemory(from: storage.base, byteCount: count) }
        storage = larger
        return larger.base
    }

    var base: UnsafeRawPointer? { storage.map { UnsafeRawPointer($0.base) } }
    var blob: Blob { Blob(storage: storage, start: base, count: count) }
}
