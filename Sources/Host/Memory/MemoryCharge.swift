public import Failure

/// A charge of a fixed size, for whoever must be able to copy it.
public final class MemoryHold: Sendable {
    private let charge: MemoryCharge

    /// - Throws: as `MemoryCharge.grow(by:)`.
    public init(_ count: Int, _ account: MemoryAccount, _ kind: MemoryKind) throws(Failure) {
        var charge = MemoryCharge(account, kind)
        try charge.grow(by: count)
        self.charge = charge
    }

    /// Of what is taken in any case: the bounds are not asked.
    public init(noting count: Int, _ account: MemoryAccount, _ kind: MemoryKind) {
        var charge = MemoryCharge(account, kind)
        charge.note(count)
        self.charge = charge
    }
}

/// Memory that somebody holds, as the budget counts it: charged before it is taken, given back when this value ends.
public struct MemoryCharge: ~Copyable, Sendable {
    public let account: MemoryAccount
    public let kind: MemoryKind
    public private(set) var bytes = 0

    /// Of nothing yet.
    public init(_ account: MemoryAccount, _ kind: MemoryKind) {
        self.account = account
        self.kind = kind
    }

    deinit { if bytes > 0 { account.budget.give(bytes, kind, on: account.slot) } }

    /// - Throws: `.busy` when there is no room for `count` bytes more now, `.memory` when there never is.
    public mutating func grow(by count: Int) throws(Failure) {
        guard count > 0 else { return }
        try account.budget.take(count, kind, on: account.slot)
        bytes += count
    }

    /// Does nothing when as much is charged already. - Throws: as `grow(by:)`.
    public mutating func grow(to total: Int) throws(Failure) {
        if total > bytes { try grow(by: total - bytes) }
    }

    /// Gives back what is charged beyond `total` bytes.
    public mutating func shrink(to total: Int) {
        guard total < bytes else { return }
        account.budget.give(bytes - total, kind, on: account.slot)
        bytes = total
    }

    /// Counts `total` bytes, which are taken in any case: the bounds are not asked.
    public mutating func note(_ total: Int) {
        if total > bytes { account.budget.note(total - bytes, kind, on: account.slot) }
        shrink(to: total)
        bytes = total
    }
}
