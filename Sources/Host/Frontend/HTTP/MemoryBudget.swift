internal import Failure
internal import Glibc
internal import Items
internal import Synchronization

/// Bytes that all requests of the node together may hold: without it, many large bodies at once would be the node's end.
final class MemoryBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// - Throws: 429 when there is no room for `count` more bytes.
    func reserve(_ count: Int) throws(Problem) {
        guard used.add(count, ordering: .relaxed).newValue > limit else { return }
        release(count)
        throw .outOfMemory
    }

    func release(_ count: Int) { used.subtract(count, ordering: .relaxed) }

    var current: Int { used.load(ordering: .relaxed) }
}

/// Memory of a request, counted against a budget as it fills, until the last item that lies in it is gone.
///
/// Room that nothing was written to yet is not counted: the kernel gives it no memory either.
final class BudgetedStorage: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; `counted` is changed only while it is being filled, by one thread.
    let base: UnsafeMutableRawPointer
    let capacity: Int
    private let budget: MemoryBudget
    private var counted = 0

    /// - Throws: 429 when the kernel has no memory.
    init(capacity: Int, budget: MemoryBudget) throws(Problem) {
        guard let base = malloc(max(capacity, 1)) else { throw .outOfMemory }
        self.base = base
        self.capacity = capacity
        self.budget = budget
        super.init()
    }

    deinit {
        free(base)
        budget.release(counted)
    }

    /// The first `count` bytes are, or are about to be, written.
    func fill(to count: Int) throws(Problem) {
        guard count > counted else { return }
        try budget.reserve(count - counted)
        counted = count
    }
}

extension Problem {
    fileprivate static var outOfMemory: Problem {
        Problem(Failure(.busy, "the requests in progress hold too much memory"))
    }
}
