public import Failure
internal import Synchronization

/// The node's one account of memory: whoever takes memory that requests, functions, servers or registrations decide about
/// charges it here first, and gives it back with the last user (Docs/decisions/0020).
///
/// *Runs* wait until they fit; everything else is refused when it does not fit. Three bounds apply to the latter: the whole
/// (a quarter of which only runs can have, so that functions, which turn data into replies, go on), the bound of its
/// group, and the share of the tenant on whose account it is.
public final class MemoryBudget: Sendable {
    /// Bytes.
    public let limit: Int
    let accounts: MemoryAccounts
    private let counts = MemoryCounts()
    /// Of the process: to be started where there is one budget for all of it.
    public let heap = HeapTrimmer()
    private let isAwaited = Atomic<Bool>(false)
    private let onRelease = Mutex<(@Sendable () -> Void)?>(nil)

    /// Far from where sums could overflow.
    private static let most = 1 << 50

    /// - Parameters:
    ///   - shares: Bytes that tenants of these names may hold, nil = `defaultShare`. Metrics name these tenants.
    ///   - defaultShare: The same for each other tenant; nil = three quarters of what data may have.
    public init(limit: Int = .max, shares: [String: Int?] = [:], defaultShare: Int? = nil) {
        self.limit = min(limit, Self.most)
        accounts = MemoryAccounts(
            limit: self.limit, shares: shares, defaultShare: defaultShare ?? self.limit / 8 * 3)
    }

    /// What belongs to no tenant.
    public var own: MemoryAccount { MemoryAccount(budget: self, slot: accounts.own) }

    /// The account of a tenant, made if it is new, to be closed; the node's own for no name.
    public func account(named name: String) -> MemoryAccount {
        name.isEmpty ? own : MemoryAccount(budget: self, slot: accounts.open(name))
    }

    /// By the id that a plugin was given (`MemoryAccount.id`); nil = there is none.
    func account(id: UInt64) -> (account: MemoryAccount, kind: MemoryKind)? {
        guard let kind = MemoryKind(rawValue: Int(id & 0xff)), let slot = accounts.slot(at: id >> 8) else { return nil }
        return (MemoryAccount(budget: self, slot: slot), kind)
    }

    public var dataLimit: Int { bound(of: .data) }
    public func used(_ kind: MemoryKind) -> Int {
        (kind == .runs ? counts.group(.runs) : counts.kind(kind)).pointee.load(ordering: .relaxed)
    }
    public var usedByRuns: Int { used(.runs) }
    public var usedByData: Int { counts.group(.data).pointee.load(ordering: .relaxed) }

    /// Used bytes by tenant: those with a share of their own by name, all others together under nil.
    public func usedByTenant() -> [(name: String?, bytes: Int)] { accounts.used() }

    /// Bytes that kinds of the group may have together.
    func bound(of group: MemoryKind.Group) -> Int {
        switch group {
        case .runs, .plugins: limit
        case .data, .images: limit / 2
        case .kept: limit / 4
        case .connections: limit / 8
        }
    }

    /// Bytes that one account may have of a group.
    func bound(of group: MemoryKind.Group, on account: AccountSlot) -> Int {
        let bound = bound(of: group)
        // Kept data never goes by itself: nobody may fill it alone.
        if group == .kept, account !== accounts.own { return min(bound / 2, account.share.load(ordering: .relaxed)) }
        return min(bound, account.share.load(ordering: .relaxed))
    }

    private var boundOfOthers: Int { limit - limit / 4 }

    // MARK: Charging

    /// - Throws: `.busy` when there is no room for `count` more bytes now, `.memory` when there never is.
    func take(_ count: Int, _ kind: MemoryKind, on account: AccountSlot) throws(Failure) {
        let group = kind.group
        let most = min(bound(of: group, on: account), boundOfOthers)
        guard count <= most else { throw .beyond(most, count, kind.what) }
        let held = account.held.add(count, ordering: .relaxed).newValue
        let ofGroup = counts.group(group).pointee.add(count, ordering: .relaxed).newValue
        let others = counts.others.pointee.add(count, ordering: .relaxed).newValue
        let isOver = others > boundOfOthers || others > limit - counts.group(.runs).pointee.load(ordering: .relaxed)
        let isKeptOver = group == .kept && account.keep(count) > most
        guard held <= account.share.load(ordering: .relaxed), ofGroup <= bound(of: group), !isOver, !isKeptOver else {
            give(count, of: group, on: account)
            throw refusal(account, held: held - count, group)
        }
        counts.kind(kind).pointee.add(count, ordering: .relaxed)
    }

    /// Counts what is taken in any case.
    func note(_ count: Int, _ kind: MemoryKind, on account: AccountSlot) {
        let group = kind.group
        account.held.add(count, ordering: .relaxed)
        counts.group(group).pointee.add(count, ordering: .relaxed)
        counts.others.pointee.add(count, ordering: .relaxed)
        if group == .kept { _ = account.keep(count) }
        counts.kind(kind).pointee.add(count, ordering: .relaxed)
    }

    func give(_ count: Int, _ kind: MemoryKind, on account: AccountSlot) {
        counts.kind(kind).pointee.subtract(count, ordering: .relaxed)
        give(count, of: kind.group, on: account)
        heap.note(count)
        released()
    }

    /// Gives back what `take` has just taken.
    func undo(_ count: Int, _ kind: MemoryKind, on account: AccountSlot) {
        counts.kind(kind).pointee.subtract(count, ordering: .relaxed)
        give(count, of: kind.group, on: account)
    }

    private func give(_ count: Int, of group: MemoryKind.Group, on account: AccountSlot) {
        if group == .kept { _ = account.keep(-count) }
        account.held.subtract(count, ordering: .relaxed)
        counts.group(group).pointee.subtract(count, ordering: .relaxed)
        counts.others.pointee.subtract(count, ordering: .releasing)
    }

    /// Bytes that could be taken now.
    func room(_ kind: MemoryKind, on account: AccountSlot) -> Int {
        let group = kind.group
        let others = counts.others.pointee.load(ordering: .relaxed)
        let runs = counts.group(.runs).pointee.load(ordering: .relaxed)
        let left = [
            boundOfOthers - others, limit - runs - others,
            account.share.load(ordering: .relaxed) - account.held.load(ordering: .relaxed),
            bound(of: group) - counts.group(group).pointee.load(ordering: .relaxed),
            bound(of: group, on: account) - (group == .kept ? account.keep(0) : 0),
        ]
        return max(0, left.min() ?? 0)
    }

    private func refusal(_ account: AccountSlot, held: Int, _ group: MemoryKind.Group) -> Failure {
        if account !== accounts.own, held > account.share.load(ordering: .relaxed) / 2 {
            return Failure(
                .busy, "tenant '\(account.name.withLock { $0 })' holds too much memory",
                [.init("memory", String(held)), .init("limit", String(account.share.load(ordering: .relaxed)))])
        }
        return Failure(
            .busy, "\(group.what) much memory",
            [
                .init("memory", String(counts.group(group).pointee.load(ordering: .relaxed))),
                .init("limit", String(bound(of: group))),
            ])
    }

    // MARK: Runs

    /// Bytes that one run may use at most: connections, and what is registered, always hold some.
    public var mostForRun: Int { Self.mostForRun(of: limit) }
    public static func mostForRun(of limit: Int) -> Int { limit - limit / 16 }

    /// Whether a run of `bytes` would fit if no other went on, as of now. If not, it waits for whoever else holds memory, who may
    /// wait for it in turn.
    public func wouldFit(run bytes: UInt64) -> Bool {
        Int(clamping: bytes) <= limit - counts.others.pointee.load(ordering: .relaxed)
    }

    /// False when a run that may use `bytes` must wait; `whenReleased` tells when to try again.
    public func reserve(run bytes: UInt64) -> Bool {
        let count = Int(clamping: bytes)
        let wanted = counts.group(.runs).pointee.add(count, ordering: .relaxed).newValue
        guard wanted > limit - counts.others.pointee.load(ordering: .relaxed) else { return true }
        counts.group(.runs).pointee.subtract(count, ordering: .relaxed)
        return false
    }

    public func release(run bytes: UInt64) {
        counts.group(.runs).pointee.subtract(Int(clamping: bytes), ordering: .releasing)
        released()
    }

    /// Whether a run could begin, as of now; if not, somebody is noted to wait for memory.
    public func hasRoom(forRun bytes: UInt64) -> Bool {
        func fits() -> Bool {
            Int(clamping: bytes) <= limit - counts.others.pointee.load(ordering: .sequentiallyConsistent)
                - counts.group(.runs).pointee.load(ordering: .sequentiallyConsistent)
        }
        if fits() { return true }
        isAwaited.store(true, ordering: .sequentiallyConsistent)
        // What was released before the flag could be seen.
        return fits()
    }

    /// - Throws: `.memory` when a run of `bytes` will never fit.
    public func check(run bytes: UInt64, of function: String) throws(Failure) {
        guard Int(clamping: bytes) > mostForRun else { return }
        throw .beyond(mostForRun, Int(clamping: bytes), "function '\(function)'")
    }

    // MARK: Waiting

    /// `body` is called, on any thread, after memory came back that somebody waits for.
    public func whenReleased(_ body: @escaping @Sendable () -> Void) { onRelease.withLock { $0 = body } }

    private func released() {
        guard isAwaited.load(ordering: .sequentiallyConsistent),
            isAwaited.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        onRelease.withLock { $0 }?()
    }
}

/// All counters of a budget, side by side.
private final class MemoryCounts: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the pointer is fixed after init and names atomics until deinit.
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private static let groups = MemoryKind.allCases.count
    private static let all = groups + MemoryKind.Group.allCases.count
    private static let count = all + 1

    init() {
        cells = .allocate(capacity: Self.count)
        for index in 0..<Self.count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: Self.count)
        cells.deallocate()
    }

    func kind(_ kind: MemoryKind) -> UnsafeMutablePointer<Atomic<Int>> { cells + kind.rawValue }
    func group(_ group: MemoryKind.Group) -> UnsafeMutablePointer<Atomic<Int>> { cells + Self.groups + group.rawValue }
    /// Everything but runs.
    var others: UnsafeMutablePointer<Atomic<Int>> { cells + Self.all }
}

extension Failure {
    fileprivate static func beyond(_ limit: Int, _ count: Int, _ what: String) -> Failure {
        Failure(
            .memory, "\(what) may need \(count) bytes of memory, this node gives \(limit)",
            [.init("wanted", String(count)), .init("limit", String(limit))])
    }
}
