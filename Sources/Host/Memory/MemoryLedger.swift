internal import Failure
internal import Synchronization

/// What one plugin has charged, so that it can give back no more than that, and that nothing stays when it has ended.
public final class MemoryLedger: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the pointer is fixed after init and names atomics until deinit.
    private let budget: MemoryBudget
    /// Bytes by kind and account.
    private let held: UnsafeMutablePointer<Atomic<Int>>
    private let sum = Atomic<Int>(0)

    public enum Refusal: Error {
        /// There is no room now.
        case busy
        /// There never is.
        case tooMuch
        /// The account is none that a plugin may charge.
        case unknown
    }

    private static let kinds: [MemoryKind] = [.plugins, .replies, .images]
    private static let count = kinds.count * MemoryAccounts.most

    public init(_ budget: MemoryBudget) {
        self.budget = budget
        held = .allocate(capacity: Self.count)
        for cell in 0..<Self.count { (held + cell).initialize(to: Atomic(0)) }
    }

    /// Bytes that are charged and not given back.
    public var bytes: Int { sum.load(ordering: .relaxed) }

    /// - Parameter id: of an account (`MemoryAccount.id`), 0 = the plugin's own.
    public func charge(_ count: UInt64, on id: UInt64) throws(Refusal) {
        guard let (account, kind, cell) = find(id) else { throw .unknown }
        let count = Int(clamping: count)
        do throws(Failure) { try budget.take(count, kind, on: account.slot) } catch {
            throw error.kind == .memory ? .tooMuch : .busy
        }
        held[cell].add(count, ordering: .relaxed)
        sum.add(count, ordering: .relaxed)
    }

    /// - Returns: false when that was not charged; nothing is given back then.
    public func release(_ count: UInt64, on id: UInt64) -> Bool {
        guard let (account, kind, cell) = find(id), let count = Int(exactly: count) else { return false }
        var before = held[cell].load(ordering: .relaxed)
        while before >= count {
            let (isDone, now) = held[cell].weakCompareExchange(
                expected: before, desired: before - count, ordering: .relaxed)
            guard !isDone else {
                sum.subtract(count, ordering: .relaxed)
                budget.give(count, kind, on: account.slot)
                return true
            }
            before = now
        }
        return false
    }

    /// Bytes that a charge could take now; 0 for an unknown account.
    public func room(on id: UInt64) -> UInt64 {
        guard let (account, kind, _) = find(id) else { return 0 }
        return UInt64(budget.room(kind, on: account.slot))
    }

    private func find(_ id: UInt64) -> (account: MemoryAccount, kind: MemoryKind, cell: Int)? {
        guard id != 0 else { return (budget.own, .plugins, 0) }
        guard let (account, kind) = budget.account(id: id), let place = Self.kinds.firstIndex(of: kind) else {
            return nil
        }
        return (account, kind, place * MemoryAccounts.most + account.slot.index)
    }

    /// Gives back what the plugin has not; `bytes` says how much that is.
    deinit {
        for cell in 0..<Self.count where sum.load(ordering: .relaxed) > 0 {
            let left = held[cell].load(ordering: .relaxed)
            guard left > 0, let slot = budget.accounts.slot(at: UInt64(cell % MemoryAccounts.most)) else { continue }
            sum.subtract(left, ordering: .relaxed)
            budget.give(left, Self.kinds[cell / MemoryAccounts.most], on: slot)
        }
        held.deinitialize(count: Self.count)
        held.deallocate()
    }
}
