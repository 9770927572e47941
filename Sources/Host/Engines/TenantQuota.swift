internal import Failure
internal import Synchronization

/// How much a tenant may use in a time; nil bounds nothing.
public struct QuotaSettings: Sendable, Equatable {
    public var requestsPerSecond: Double?
    /// Nanoseconds of cores in a period.
    public var coreTime: UInt64?
    /// Bytes sent in a period.
    public var sent: UInt64?
    /// Nanoseconds; periods follow each other from the node's start on.
    public var period: UInt64 = 86_400_000_000_000

    public init() {}

    var boundsNothing: Bool { requestsPerSecond == nil && coreTime == nil && sent == nil }
}

/// Keeps a tenant within its settings. Any thread.
final class TenantQuota: Sendable {
    private let settings: QuotaSettings
    /// Nanoseconds between two requests at the settled rate; 0 = any.
    private let interval: UInt64
    /// When the next request would come at that rate (the generic cell rate algorithm).
    private let due = Atomic<UInt64>(0)
    private let period: Mutex<Period>
    /// Until when nothing more is had, ns; 0 = something is.
    private let exhausted = Atomic<UInt64>(0)
    private let reason = Mutex("")

    private struct Period {
        var end: UInt64
        /// Of the tenant's sums, when it began.
        var coreTime: UInt64 = 0
        var sent: UInt64 = 0
    }

    /// Nil when the settings bound nothing: then nothing is counted.
    /// - Parameter now: CLOCK_MONOTONIC ns.
    init?(_ settings: QuotaSettings, now: UInt64) {
        guard !settings.boundsNothing else { return nil }
        self.settings = settings
        interval = settings.requestsPerSecond.map { UInt64(1_000_000_000 / max($0, 1e-6)) } ?? 0
        period = Mutex(Period(end: now &+ settings.period))
    }

    /// - Throws: `.busy`, which names what is used up and when to come again.
    func check(_ tenant: String, now: UInt64) throws(Failure) {
        let until = exhausted.load(ordering: .relaxed)
        if until > now {
            throw Self.refusal(tenant, "has used its \(reason.withLock { $0 })", wait: until &- now)
        }
        let next = due.load(ordering: .relaxed)
        if interval > 0, next > now &+ burst { throw tooFast(tenant, wait: next &- now &- burst) }
    }

    /// Counts a request, which `check` let in.
    func take(_ tenant: String, now: UInt64) throws(Failure) {
        try check(tenant, now: now)
        guard interval > 0 else { return }
        var next = due.load(ordering: .relaxed)
        while true {
            let start = max(next, now)
            if start > now &+ burst { throw tooFast(tenant, wait: start &- now &- burst) }
            let (done, seen) = due.compareExchange(
                expected: next, desired: start &+ interval, ordering: .relaxed)
            if done { return }
            next = seen
        }
    }

    /// Nanoseconds of requests that may come at once: those of a second, and one in any case.
    private var burst: UInt64 { 1_000_000_000 > interval ? 1_000_000_000 &- interval : 0 }

    /// Looks whether the tenant, which has used `sums` by now, has used up its period.
    func settle(_ sums: TenantUsage.Sums, now: UInt64) {
        guard settings.coreTime != nil || settings.sent != nil else { return }
        let used: (what: String, end: UInt64)? = period.withLock { period in
            if now >= period.end {
                let passed = (now &- period.end) / settings.period
                period = Period(
                    end: period.end &+ (passed + 1) * settings.period, coreTime: sums.coreTime, sent: sums.sent)
            }
            if let most = settings.coreTime, sums.coreTime &- period.coreTime >= most {
                return ("CPU time, \(most / 1_000_000) ms in \(settings.period / 1_000_000_000) s", period.end)
            }
            if let most = settings.sent, sums.sent &- period.sent >= most {
                return ("bytes to send, \(most) in \(settings.period / 1_000_000_000) s", period.end)
            }
            return nil
        }
        guard let used, exhausted.load(ordering: .relaxed) != used.end else { return }
        reason.withLock { $0 = used.what }
        exhausted.store(used.end, ordering: .relaxed)
    }

    private func tooFast(_ tenant: String, wait: UInt64) -> Failure {
        Self.refusal(tenant, "makes more than \(settings.requestsPerSecond ?? 0) requests a second", wait: wait)
    }

    private static func refusal(_ tenant: String, _ why: String, wait: UInt64) -> Failure {
        Failure(
            .busy, "tenant '\(tenant)' \(why)", [.init("tenant", tenant)],
            cause: .transient(seconds: max(1, wait / 1_000_000_000 + (wait % 1_000_000_000 > 0 ? 1 : 0))))
    }
}
