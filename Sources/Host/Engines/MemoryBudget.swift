public import Failure
internal import Glibc
public import Items
internal import PluginHost
internal import Synchronization

/// Memory that everything under way on the node may take together: what would not fit is refused, or waits.
///
/// Two kinds of use share it. *Runs*: a sandbox counts with its function's memory limit from its first byte to its last.
/// *Data*: bodies of requests, and outputs that wait for their consumers. Data gets half at most, so that functions,
/// which turn data into replies, can go on.
public final class MemoryBudget: Sendable {
    /// Bytes.
    public let limit: Int
    private let runs = Atomic<Int>(0)
    private let data = Atomic<Int>(0)
    private let isAwaited = Atomic<Bool>(false)
    private let onRelease = Mutex<(@Sendable () -> Void)?>(nil)

    public init(limit: Int = .max) { self.limit = limit }

    public var dataLimit: Int { limit / 2 }
    public var usedByRuns: Int { runs.load(ordering: .relaxed) }
    public var usedByData: Int { data.load(ordering: .relaxed) }

    // MARK: Data

    /// - Throws: `.busy` when there is no room for `count` more bytes now, `.memory` when there never is.
    public func reserve(data count: Int) throws(Failure) {
        guard count <= dataLimit else { throw .beyond(dataLimit, count, "the data of a request") }
        let wanted = data.add(count, ordering: .relaxed).newValue
        guard wanted > dataLimit || wanted > limit - runs.load(ordering: .relaxed) else { return }
        data.subtract(count, ordering: .relaxed)
        throw Failure(
            .busy, "the requests in progress hold too much memory",
            [.init("memory", String(usedByData)), .init("limit", String(dataLimit))])
    }

    public func release(data count: Int) {
        data.subtract(count, ordering: .releasing)
        released()
    }

    /// - Throws: as `reserve(data:)` would, without taking anything.
    public func check(data count: Int) throws(Failure) {
        try reserve(data: count)
        data.subtract(count, ordering: .relaxed)
    }

    // MARK: Runs

    /// False when a run that may use `bytes` must wait; `whenReleased` tells when to try again.
    func reserve(run bytes: UInt64) -> Bool {
        let count = Int(clamping: bytes)
        let wanted = runs.add(count, ordering: .relaxed).newValue
        guard wanted > limit - data.load(ordering: .relaxed) else { return true }
        runs.subtract(count, ordering: .relaxed)
        return false
    }

    func release(run bytes: UInt64) {
        runs.subtract(Int(clamping: bytes), ordering: .releasing)
        released()
    }

    /// Whether a run could begin, as of now; if not, somebody is noted to wait for memory.
    func hasRoom(forRun bytes: UInt64) -> Bool {
        func fits() -> Bool {
            Int(clamping: bytes) <= limit - data.load(ordering: .sequentiallyConsistent)
                - runs.load(ordering: .sequentiallyConsistent)
        }
        if fits() { return true }
        isAwaited.store(true, ordering: .sequentiallyConsistent)
        // What was released before the flag could be seen.
        return fits()
    }

    /// - Throws: `.memory` when a run of `bytes` will never fit.
    public func check(run bytes: UInt64, of function: String) throws(Failure) {
        guard Int(clamping: bytes) > limit else { return }
        throw .beyond(limit, Int(clamping: bytes), "function '\(function)'")
    }

    // MARK: Waiting

    /// `body` is called, on any thread, after memory came back that somebody waits for.
    func whenReleased(_ body: @escaping @Sendable () -> Void) { onRelease.withLock { $0 = body } }

    private func released() {
        guard isAwaited.load(ordering: .sequentiallyConsistent),
            isAwaited.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        onRelease.withLock { $0 }?()
    }
}

extension Failure {
    fileprivate static func beyond(_ limit: Int, _ count: Int, _ what: String) -> Failure {
        Failure(
            .memory, "\(what) may need \(count) bytes of memory, this node gives \(limit)",
            [.init("wanted", String(count)), .init("limit", String(limit))])
    }
}

/// Heap memory that counts as data against a budget until the last item that lies in it is gone.
public final class BudgetedStorage: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; `counted` is changed only while it is being filled, by one thread.
    public let base: UnsafeMutableRawPointer
    public let capacity: Int
    private let budget: MemoryBudget
    private var counted = 0

    /// Room that nothing was written to yet is not counted: the kernel gives it no memory either.
    /// - Throws: `.busy` when the kernel has no memory.
    public init(capacity: Int, budget: MemoryBudget) throws(Failure) {
        guard let base = malloc(max(capacity, 1)) else { throw Failure(.busy, "the machine has no memory left") }
        self.base = base
        self.capacity = capacity
        self.budget = budget
        super.init()
    }

    deinit {
        free(base)
        if counted > 0 { budget.release(data: counted) }
    }

    /// The first `count` bytes are, or are about to be, written.
    public func fill(to count: Int) throws(Failure) {
        guard count > counted else { return }
        try budget.reserve(data: count - counted)
        counted = count
    }
}

/// Keeps a sandbox for the sake of outputs that lie in it, and the memory that it may use reserved.
final class HeldContext: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; fixed after init.
    private var context: ComputeContext?
    private let budget: MemoryBudget
    private let bytes: Int
    private let released: @Sendable () -> Void

    /// Nil when there is no room to keep it. `released` is called, on any thread, after the sandbox was given up.
    init?(
        _ context: ComputeContext, bytes: UInt64, budget: MemoryBudget, released: @escaping @Sendable () -> Void
    ) {
        let count = Int(clamping: bytes)
        do { try budget.reserve(data: count) } catch { return nil }
        self.context = context
        self.budget = budget
        self.bytes = count
        self.released = released
        super.init()
    }

    deinit {
        context = nil
        budget.release(data: bytes)
        released()
    }
}
