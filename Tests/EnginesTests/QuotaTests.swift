import Failure
import Memory
import Testing

@testable import Engines

/// What a tenant may use in a time, on a clock of the test's own.
@Suite struct QuotaTests {
    private static let second: UInt64 = 1_000_000_000

    private func quota(_ change: (inout QuotaSettings) -> Void) throws -> TenantQuota {
        var settings = QuotaSettings()
        change(&settings)
        return try #require(TenantQuota(settings, now: 100 * Self.second))
    }

    /// In how many seconds to come again; nil when it is let in.
    private func wait(_ body: () throws(Failure) -> Void) -> Int? {
        do throws(Failure) {
            try body()
            return nil
        } catch {
            #expect(error.kind == .busy)
            guard case .transient(let seconds) = error.cause else { return nil }
            return Int(seconds)
        }
    }

    @Test func nothingIsBoundedWithoutSettings() { #expect(TenantQuota(QuotaSettings(), now: 0) == nil) }

    @Test(arguments: [0.25, 1, 7, 1000]) func requestsComeAtTheRate(_ rate: Double) throws {
        let quota = try quota { $0.requestsPerSecond = rate }
        var admitted = 0
        // Asked far more often than that for a minute.
        for step in 0..<60_000 {
            let now = 100 * Self.second + UInt64(step) * 1_000_000
            for _ in 0..<2 where wait({ () throws(Failure) in try quota.take("t", now: now) }) == nil { admitted += 1 }
        }
        #expect(abs(Double(admitted) - 60 * rate) <= rate + 1, "\(admitted)")
        let now = 160 * Self.second
        while wait({ () throws(Failure) in try quota.take("t", now: now) }) == nil {}
        let wanted = max(1, Int((1 / rate).rounded(.up)))
        #expect((1...wanted).contains(wait { () throws(Failure) in try quota.check("t", now: now) } ?? 0))
        // Whoever was away for long gets no more than those of a second at once.
        var atOnce = 0
        while wait({ () throws(Failure) in try quota.take("t", now: 5000 * Self.second) }) == nil { atOnce += 1 }
        #expect(atOnce == max(1, Int(rate)))
    }

    @Test func aPeriodIsUsedUp() throws {
        let quota = try quota {
            $0.coreTime = 5 * Self.second
            $0.sent = 1000
            $0.period = 60 * Self.second
        }
        var sums = TenantUsage.Sums()
        func waits(at second: UInt64) -> Int? {
            wait { () throws(Failure) in try quota.check("t", now: second * Self.second) }
        }
        sums.coreTime = 5 * Self.second - 1
        quota.settle(sums, now: 110 * Self.second)
        #expect(waits(at: 110) == nil)
        sums.coreTime += 1
        quota.settle(sums, now: 120 * Self.second)
        #expect(waits(at: 120) == 40 && waits(at: 159) == 1 && waits(at: 160) == nil)
        // The next period begins with nothing used, also when it is found late.
        quota.settle(sums, now: 300 * Self.second)
        #expect(waits(at: 300) == nil)
        sums.sent = 1000
        quota.settle(sums, now: 301 * Self.second)
        #expect(waits(at: 301) == 39)
    }

    @Test func usageIsAddedUp() {
        let total = TenantUsage()
        let budget = MemoryBudget()
        let tenants = ["a", "b"].map { Tenant(name: $0, memory: budget.account(named: $0), total: total) }
        for tenant in tenants {
            tenant.held(2_000_000_000, memory: 1 << 20)
            tenant.received(7)
            tenant.requested(sending: 5)
            tenant.sent(10)
        }
        let sums = tenants[0].usage.sums
        #expect(sums.coreTime == 2_000_000_000 && sums.memoryByteSeconds == 2 << 20)
        #expect(sums.received == 7 && sums.sent == 15 && sums.outgoingRequests == 1)
        #expect(total.sums.coreTime == 4_000_000_000 && total.sums - sums == sums)
    }
}
