public import Failure
internal import Synchronization

/// On whose account memory is charged: a tenant, or the node itself.
public struct MemoryAccount: Sendable {
    public let budget: MemoryBudget
    // SAFETY of unowned(unsafe): the budget keeps its slots as long as it lives.
    unowned(unsafe) let slot: AccountSlot

    public var name: String { slot.name.withLock { $0 } }
    /// Bytes that it may hold.
    public var share: Int { slot.share.load(ordering: .relaxed) }
    public var used: Int { slot.held.load(ordering: .relaxed) }

    /// What plugins know it by when they charge memory of that kind; 0 is nobody's.
    public func id(for kind: MemoryKind) -> UInt64 { UInt64(slot.index) << 8 | UInt64(kind.rawValue) }

    /// - Throws: as a charge of `count` bytes would now, without taking anything.
    public func check(_ count: Int, _ kind: MemoryKind) throws(Failure) {
        try budget.take(count, kind, on: slot)
        budget.undo(count, kind, on: slot)
    }

    /// Bytes that a charge could take now.
    public func room(_ kind: MemoryKind) -> Int { budget.room(kind, on: slot) }

    /// Whoever opened it uses it no more; charges that are left stay.
    public func close() { slot.users.subtract(1, ordering: .relaxed) }
}

/// The counters behind an account.
final class AccountSlot: Sendable {
    let index: Int
    let name: Mutex<String>
    let share: Atomic<Int>
    let held = Atomic<Int>(0)
    /// Of that, in the group of what is kept.
    private let kept = Atomic<Int>(0)
    /// How many have opened it.
    let users = Atomic<Int>(0)
    /// Has a share of its own, so that metrics may name it.
    let isConfigured: Bool

    init(index: Int, name: String, share: Int, isConfigured: Bool) {
        self.index = index
        self.name = Mutex(name)
        self.share = Atomic(share)
        self.isConfigured = isConfigured
    }

    /// Adds to what it keeps; returns the sum.
    func keep(_ count: Int) -> Int { kept.add(count, ordering: .relaxed).newValue }
}

/// The accounts of a budget, by name and by index. There are so many names as clients like: beyond a number, those that
/// nobody uses are taken for others, and when all are in use, newcomers share one.
final class MemoryAccounts: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the pointer is fixed after init and names atomics until deinit.
    let own: AccountSlot
    private let shared: AccountSlot
    private let slots: UnsafeMutablePointer<AtomicLazyReference<AccountSlot>>
    private let shares: [String: Int?]
    private let defaultShare: Int
    private let named: Mutex<(names: [String: AccountSlot], count: Int)>

    static let most = 2048

    init(limit: Int, shares: [String: Int?], defaultShare: Int) {
        self.shares = shares
        self.defaultShare = defaultShare
        slots = .allocate(capacity: Self.most)
        for index in 0..<Self.most { (slots + index).initialize(to: AtomicLazyReference()) }
        own = slots[0].storeIfNil(AccountSlot(index: 0, name: "", share: limit, isConfigured: false))
        shared = slots[1].storeIfNil(
            AccountSlot(index: 1, name: "others", share: defaultShare, isConfigured: false))
        named = Mutex(([:], 2))
    }

    deinit {
        slots.deinitialize(count: Self.most)
        slots.deallocate()
    }

    func open(_ name: String) -> AccountSlot {
        let slot = named.withLock { named in
            if let known = named.names[name] { return known }
            guard let slot = make(name, &named.count) ?? reuse(name, &named.names) else { return shared }
            named.names[name] = slot
            return slot
        }
        slot.users.add(1, ordering: .relaxed)
        return slot
    }

    private func make(_ name: String, _ count: inout Int) -> AccountSlot? {
        guard count < Self.most else { return nil }
        let slot = AccountSlot(
            index: count, name: name, share: (shares[name] ?? nil) ?? defaultShare,
            isConfigured: shares.keys.contains(name))
        count += 1
        return slots[slot.index].storeIfNil(slot)
    }

    private func reuse(_ name: String, _ names: inout [String: AccountSlot]) -> AccountSlot? {
        guard !shares.keys.contains(name), let (old, slot) = names.first(where: { $0.value.isUnused }) else {
            return nil
        }
        names[old] = nil
        slot.name.withLock { $0 = name }
        return slot
    }

    func slot(at index: UInt64) -> AccountSlot? {
        index < UInt64(Self.most) ? slots[Int(index)].load() : nil
    }

    func used() -> [(name: String?, bytes: Int)] {
        var others = shared.held.load(ordering: .relaxed)
        var used: [(name: String?, bytes: Int)] = []
        for (name, slot) in named.withLock({ $0.names }).sorted(by: { $0.key < $1.key }) {
            let bytes = slot.held.load(ordering: .relaxed)
            if slot.isConfigured { used.append((name, bytes)) } else { others += bytes }
        }
        return used + [(nil, others)]
    }
}

extension AccountSlot {
    fileprivate var isUnused: Bool {
        !isConfigured && users.load(ordering: .relaxed) == 0 && held.load(ordering: .relaxed) == 0
    }
}
