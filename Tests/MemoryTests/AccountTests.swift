import Failure
import Memory
import Testing

/// The one account of memory: bounds, shares, and that everything comes back.
@Suite struct AccountTests {
    @Test func whatCanNeverFitIsRefusedAtOnce() throws {
        let budget = MemoryBudget(limit: 1 << 20)
        #expect(throws: Failure.self) { try budget.check(run: 1 << 21, of: "f") }
        var charge = MemoryCharge(budget.own, .bodies)
        #expect(refusal { () throws(Failure) in try charge.grow(by: 1 << 20) } == .memory)
        try charge.grow(by: 1 << 19)
        #expect(refusal { () throws(Failure) in try charge.grow(by: 1) } == .busy)
        charge.shrink(to: 0)
        #expect(budget.usedByData == 0)
    }

    private func refusal(_ body: () throws(Failure) -> Void) -> Failure.Kind? {
        do { try body() } catch { return error.kind }
        return nil
    }

    @Test func nobodyHoldsMoreThanTheShare() throws {
        let budget = MemoryBudget(limit: 64 << 20, shares: ["small": 1 << 20])
        let small = budget.account(named: "small")
        let other = budget.account(named: "other")
        #expect(small.share == 1 << 20)
        #expect(other.share == 24 << 20)
        var ofSmall = MemoryCharge(small, .replies)
        try ofSmall.grow(by: 1 << 20)
        #expect(refusal { () throws(Failure) in try ofSmall.grow(by: 1) } == .busy)
        var ofOther = MemoryCharge(other, .bodies)
        try ofOther.grow(to: 24 << 20)
        #expect(refusal { () throws(Failure) in try ofOther.grow(by: 1) } == .busy)
        var rest = MemoryCharge(budget.account(named: "third"), .outputs)
        // What is left of the half that data may have.
        try rest.grow(to: 7 << 20)
        #expect(refusal { () throws(Failure) in try rest.grow(to: 8 << 20) } == .busy)
        #expect(budget.usedByTenant().first { $0.name == "small" }?.bytes == 1 << 20)
        #expect(budget.usedByTenant().first { $0.name == nil }?.bytes == 31 << 20)
    }

    @Test func aQuarterIsForRunsAlone() throws {
        let budget = MemoryBudget(limit: 64 << 20, defaultShare: 64 << 20)
        var kept: [MemoryHold] = []
        for (name, kind) in [("a", MemoryKind.functions), ("b", .functions)] {
            kept.append(try MemoryHold(8 << 20, budget.account(named: name), kind))
        }
        kept.append(try MemoryHold(32 << 20, budget.account(named: "c"), .bodies))
        #expect(refusal { () throws(Failure) in _ = try MemoryHold(1, budget.account(named: "d"), .images) } == .busy)
        #expect(budget.reserve(run: 16 << 20))
        #expect(!budget.reserve(run: 1))
        kept.removeLast()
        #expect(budget.reserve(run: 32 << 20))
        // Data gives way to runs as well.
        #expect(refusal { () throws(Failure) in _ = try MemoryHold(1, budget.account(named: "d"), .bodies) } == .busy)
        budget.release(run: 48 << 20)
        #expect(budget.used(.functions) == 16 << 20)
    }

    @Test func whatIsKeptLeavesRoomForOthers() throws {
        let budget = MemoryBudget(limit: 64 << 20)
        let first = try MemoryHold(8 << 20, budget.account(named: "a"), .functions)
        #expect(
            refusal { () throws(Failure) in _ = try MemoryHold(1, budget.account(named: "a"), .compositions) } == .busy)
        let second = try MemoryHold(8 << 20, budget.account(named: "b"), .compositions)
        #expect(
            refusal { () throws(Failure) in _ = try MemoryHold(1, budget.account(named: "c"), .functions) } == .busy)
        withExtendedLifetime((first, second)) {}
    }

    @Test func storageChargesWhatIsFilledAndWhatLiesBeside() throws {
        let budget = MemoryBudget(limit: 64 << 20)
        let account = budget.account(named: "a")
        do {
            let storage = try ChargedStorage(capacity: 1 << 20, account, .bodies)
            #expect(account.used == 0)
            try storage.fill(to: 1000)
            try storage.fill(to: 10)
            try storage.chargeBeside(500)
            try storage.fill(to: 2000)
            #expect(account.used == 2500)
            #expect(budget.used(.bodies) == 2500)
        }
        #expect(account.used == 0)
        #expect(budget.used(.bodies) == 0)
    }

    @Test func aPluginGivesBackWhatItChargedAndNoMore() throws {
        let budget = MemoryBudget(limit: 64 << 20)
        let account = budget.account(named: "a")
        do {
            let ledger = MemoryLedger(budget)
            try ledger.charge(1000, on: account.id(for: .replies))
            try ledger.charge(1000, on: 0)
            #expect(budget.used(.replies) == 1000)
            #expect(budget.used(.plugins) == 1000)
            #expect(!ledger.release(1001, on: account.id(for: .replies)))
            #expect(!ledger.release(1, on: account.id(for: .images)))
            #expect(!ledger.release(1, on: .max))
            #expect(ledger.release(400, on: account.id(for: .replies)))
            #expect(ledger.bytes == 1600)
            #expect(ledger.room(on: account.id(for: .replies)) == UInt64(account.share - 600))
            #expect(throws: MemoryLedger.Refusal.tooMuch) {
                try ledger.charge(.max, on: account.id(for: .replies))
            }
            #expect(throws: MemoryLedger.Refusal.busy) {
                try ledger.charge(UInt64(account.share), on: account.id(for: .replies))
            }
            let bad: [UInt64] = [account.id(for: .bodies), 1, 0xff, 9999 << 8 | 3, .max]
            for bad in bad {
                #expect(throws: MemoryLedger.Refusal.unknown) { try ledger.charge(1, on: bad) }
            }
            #expect(account.used == 600)
        }
        // It has ended: what it left goes back.
        #expect(account.used == 0)
        #expect(budget.used(.plugins) == 0)
    }

    /// Clients may think up as many names as they like.
    @Test func namesCostNothing() throws {
        let budget = MemoryBudget(limit: 64 << 20, shares: ["kept": nil])
        let kept = budget.account(named: "kept")
        let busy = budget.account(named: "busy")
        let hold = try MemoryHold(1, busy, .bodies)
        for index in 0..<10_000 { budget.account(named: "n\(index)").close() }
        #expect(budget.account(named: "kept").id(for: .bodies) == kept.id(for: .bodies))
        #expect(budget.account(named: "busy").id(for: .bodies) == busy.id(for: .bodies))
        // All are in use: newcomers share one account.
        let many = (0..<10_000).map { budget.account(named: "m\($0)") }
        #expect(Set(many.map { $0.id(for: .bodies) }).count < 3000)
        #expect(many.last?.name == "others")
        withExtendedLifetime(hold) {}
    }

    @Test func chargesOfManyThreadsAddUp() async throws {
        let budget = MemoryBudget(limit: 64 << 20)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    let account = budget.account(named: "\(thread % 3)")
                    for round in 1...2000 {
                        var charge = MemoryCharge(account, MemoryKind.allCases[1 + round % 9])
                        try? charge.grow(by: round * 512)
                        charge.shrink(to: round)
                        charge.note(round * 700)
                    }
                }
            }
        }
        #expect(budget.usedByData == 0)
        #expect(MemoryKind.allCases.allSatisfy { budget.used($0) == 0 })
        #expect(budget.usedByTenant().allSatisfy { $0.bytes == 0 })
        #expect(budget.own.room(.bodies) == 32 << 20)
    }
}
