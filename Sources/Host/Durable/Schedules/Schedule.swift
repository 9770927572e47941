public import Failure
internal import Platform

/// When something is to be run again and again.
public struct ScheduleTimes: Sendable, Equatable {
    public enum Missed: String, Sendable, CaseIterable {
        /// What was missed, however often, runs once.
        case once
        case skip
    }

    /// As in crontab(5); nil = at an interval.
    public let cron: String?
    /// Nanoseconds between two times.
    public let every: UInt64
    /// Of cron's fields.
    public let zone: String
    public let missed: Missed
    private let expression: CronExpression?
    private let timeZone: TimeZone

    private static let second: UInt64 = 1_000_000_000
    private static let longest: UInt64 = 366 * 86_400 * 1_000_000_000

    /// - Throws: `.invalid` for what is no schedule, or a zone that the machine does not know.
    public init(cron: String?, every: UInt64?, zone: String?, missed: Missed) throws(Failure) {
        guard (cron == nil) != (every == nil) else {
            throw Failure(.invalid, "a schedule has either cron or every")
        }
        self.cron = cron
        self.every = every ?? 0
        self.zone = zone ?? "UTC"
        self.missed = missed
        guard let cron else {
            guard zone == nil, Self.second...Self.longest ~= self.every else {
                throw Failure(.invalid, "every must be a time from 1s to 8784h, and has no zone")
            }
            (expression, timeZone) = (nil, .utc)
            return
        }
        guard let timeZone = TimeZone(named: self.zone) else {
            throw Failure(.invalid, "this machine knows no time zone '\(self.zone)'", [.init("zone", self.zone)])
        }
        self.timeZone = timeZone
        do throws(CronExpression.Malformed) { expression = try CronExpression(cron) } catch {
            throw Failure(.invalid, "cron '\(cron)': \(error.reason)", [.init("cron", cron)])
        }
    }

    /// The first time after `now`, both nanoseconds since 1970; nil when there is none.
    /// - Parameter last: when it was due before; intervals count from there.
    public func next(after now: UInt64, last: UInt64?) -> UInt64? {
        guard let expression else {
            guard let last, last <= now else { return now &+ every }
            return last &+ ((now &- last) / every &+ 1) &* every
        }
        return expression.next(after: Int(now / Self.second), in: timeZone).map { UInt64($0) &* Self.second }
    }

    public static func == (a: ScheduleTimes, b: ScheduleTimes) -> Bool {
        a.cron == b.cron && a.every == b.every && a.zone == b.zone && a.missed == b.missed
    }
}

/// A schedule as the store keeps it, without its input.
public struct ScheduleRecord: Sendable {
    /// Its row.
    var number: Int64 = 0
    public var name: String
    /// What is run; its `schedule` is the name.
    public var order: InvocationOrder
    public var times: ScheduleTimes
    /// Nanoseconds since 1970.
    public var next: UInt64
    /// When it was due last; 0 = never.
    public var last: UInt64 = 0
    /// What came of that.
    public var lastInvocation: InvocationID?
    public var inputBytes = 0
}

/// One time of a schedule.
struct Firing: Sendable {
    let number: Int64
    /// When it is due; another in the store means that it is done already.
    let due: UInt64
    let next: UInt64
    let now: UInt64
    /// Nil: it was missed, and is passed over.
    let id: InvocationID?
}
