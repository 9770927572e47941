public import Failure
public import Memory
internal import Platform
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
    /// What it has used, and where that is added up with others'.
    public let usage = TenantUsage()
    private let total: TenantUsage?
    private let quota: TenantQuota?
    private let running = Atomic<Int>(0)
    private let waiting = Atomic<UInt64>(0)

    /// What waits for an engine, oldest first.
    var tasks = TaskRing()
    /// Time that it has been given so far, divided by its weight: who has the least goes next.
    var pass: UInt64 = 0

    /// `memory` is closed with the last reference. What it uses is added to `total`, too.
    public init(
        name: String, weight: Int = 1, maxRequests: Int = .max, memory: MemoryAccount,
        quota: QuotaSettings = QuotaSettings(), total: TenantUsage? = nil
    ) {
        self.quota = TenantQuota(quota, now: Clock.now())
        self.total = total
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

    // MARK: What it uses

    /// - Throws: `.busy` when it has used up what it may, or makes more requests than it may.
    public func checkQuota() throws(Failure) {
        if let quota { try quota.check(name, now: Clock.now()) }
    }

    /// The same, and counts an invocation.
    public func takeQuota() throws(Failure) {
        if let quota { try quota.take(name, now: Clock.now()) }
        count { $0.invoked() }
    }

    /// A function with a memory limit of `memory` bytes held a core for `time` ns.
    func held(_ time: UInt64, memory: UInt64) {
        count { $0.held(time, memory: memory) }
        settle()
    }

    /// Bytes of a request's body.
    public func received(_ count: Int) { self.count { $0.received(count) } }

    /// Bytes of a reply.
    public func sent(_ count: Int) {
        self.count { $0.sent(count) }
        settle()
    }

    /// A communication function was given so many bytes to send.
    public func requested(sending count: Int) {
        self.count { $0.requested() }
        sent(count)
    }

    private func count(_ add: (TenantUsage) -> Void) {
        add(usage)
        if let total { add(total) }
    }

    private func settle() {
        if let quota { quota.settle(usage.sums, now: Clock.now()) }
    }

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
