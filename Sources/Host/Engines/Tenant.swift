public import Memory
internal import Synchronization

/// On whose behalf requests are made. Tenants that have work waiting share the engines by their weights.
public final class Tenant: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `tasks` and `pass` are guarded by the compute queue's lock; the rest is constant or
    // atomic.
    public let name: String
    /// Share of the engines, relative to the other tenants'.
    public let weight: UInt64
    /// Requests that may be in progress at once.
    public let maxRequests: Int
    /// Where the memory that its requests take is charged.
    public let memory: MemoryAccount
    private let running = Atomic<Int>(0)
    private let waiting = Atomic<UInt64>(0)

    /// What waits for an engine, oldest first.
    var tasks = TaskRing()
    /// Time that it has been given so far, divided by its weight: who has the least goes next.
    var pass: UInt64 = 0

    /// `memory` is closed with the last reference.
    public init(name: String, weight: Int = 1, maxRequests: Int = .max, memory: MemoryAccount) {
        self.name = name
        self.weight = UInt64(max(1, weight))
        self.maxRequests = maxRequests
        self.memory = memory
    }

    deinit { memory.close() }

    /// Requests in progress.
    public var requests: Int { running.load(ordering: .relaxed) }

    /// Counts a request in; false when as many as may be are in progress.
    public func enter() -> Bool {
        guard running.add(1, ordering: .relaxed).newValue > maxRequests else { return true }
        leave()
        return false
    }

    public func leave() { running.subtract(1, ordering: .relaxed) }

    /// Time that the tasks in its line are expected to take, ns, as of a moment ago.
    var work: UInt64 { waiting.load(ordering: .relaxed) }

    func add(work: UInt64) { waiting.add(work, ordering: .relaxed) }
    func remove(work: UInt64) { waiting.subtract(work, ordering: .relaxed) }
}

/// A queue of tasks in memory that doubles.
struct TaskRing {
    private var slots: [ComputeTask?] = []
    private var head = 0
    private(set) var count = 0

    /// The task at `place`, 0 = the oldest.
    subscript(place: Int) -> ComputeTask? { slots[(head + place) & (slots.count - 1)] }

    mutating func append(_ task: ComputeTask) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = task
        count += 1
    }

    /// Takes the task at `place`; those before it, which may not run where it does, move up by one.
    mutating func remove(at place: Int) -> ComputeTask? {
        let mask = slots.count - 1
        let task = slots[(head + place) & mask]
        for index in stride(from: place, to: 0, by: -1) {
            slots[(head + index) & mask] = slots[(head + index - 1) & mask]
        }
        slots[head] = nil
        head = (head + 1) & mask
        count -= 1
        return task
    }

    private mutating func grow() {
        let old = slots
        slots = (0..<max(8, old.count * 2)).map { $0 < old.count ? old[(head + $0) & (old.count - 1)] : nil }
        head = 0
    }
}
