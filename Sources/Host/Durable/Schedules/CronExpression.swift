/// Five fields, as in crontab(5): minute, hour, day of the month, month, day of the week.
///
/// A job with fixed hours runs once a day also when clocks are put back, and an hour's shift late when they are put forward over its
/// time; one with any hour goes by the minutes that pass.
struct CronExpression: Sendable {
    private let minutes, hours, days, months, weekdays: UInt64
    private let hasAnyHour: Bool
    /// Both kinds of days are restricted: one of them is enough.
    private let eitherDay: Bool

    /// What is wrong with a text.
    struct Malformed: Error, Equatable {
        let reason: String
    }

    private static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    /// Days to look ahead: the 29th of February may be eight years away.
    private static let horizon = 366 * 9

    init(_ text: String) throws(Malformed) {
        let whole = Self.shorthands[text.lowercased()] ?? text
        let fields = whole.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count == 5 else {
            throw Malformed(reason: "it has \(fields.count) fields, not minute, hour, day, month and weekday")
        }
        minutes = try Self.field(fields[0], "minute", 0...59)
        hours = try Self.field(fields[1], "hour", 0...23)
        days = try Self.field(fields[2], "day", 1...31)
        months = try Self.field(fields[3], "month", 1...12, names: Self.monthNames, from: 1)
        // 7 is Sunday, too.
        let week = try Self.field(fields[4], "weekday", 0...7, names: Self.dayNames, from: 0)
        weekdays = (week | week >> 7) & 0x7f
        hasAnyHour = fields[1].hasPrefix("*")
        eitherDay = !fields[2].hasPrefix("*") && fields[2] != "?" && !fields[4].hasPrefix("*") && fields[4] != "?"
        guard next(after: 0, in: .utc) != nil else { throw Malformed(reason: "no day is ever like that") }
    }

    private static func field(
        _ text: String, _ what: String, _ range: ClosedRange<Int>, names: [String] = [], from first: Int = 0
    ) throws(Malformed) -> UInt64 {
        func number(_ word: Substring) throws(Malformed) -> Int {
            if let name = names.firstIndex(of: word.lowercased()) { return name + first }
            guard word.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let value = Int(word), range.contains(value) else {
                throw Malformed(
                    reason: "'\(word)' is no \(what) from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        var set: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            let ends = pieces[0].split(separator: "-", omittingEmptySubsequences: false)
            guard pieces.count <= 2, ends.count <= 2 else { throw Malformed(reason: "'\(part)' is no \(what)") }
            var (low, high) = (range.lowerBound, range.upperBound)
            if pieces[0] != "*", pieces[0] != "?" {
                low = try number(ends[0])
                high = ends.count == 2 ? try number(ends[1]) : pieces.count == 2 ? range.upperBound : low
            }
            guard low <= high else { throw Malformed(reason: "'\(part)' ends before it begins") }
            var step = 1
            if pieces.count == 2 {
                guard let value = Int(pieces[1]), 1...60 ~= value else {
                    throw Malformed(reason: "'\(part)' has no step from 1 to 60")
                }
                step = value
            }
            for value in stride(from: low, through: high, by: step) { set |= 1 << UInt64(value) }
        }
        return set
    }

    private static func has(_ set: UInt64, _ value: Int) -> Bool { set >> UInt64(value) & 1 == 1 }

    private func matches(day number: Int) -> Bool {
        let date = CivilDate(dayNumber: number)
        guard Self.has(months, date.month) else { return false }
        let (isDay, isWeekday) = (Self.has(days, date.day), Self.has(weekdays, CivilDate.weekday(ofDay: number)))
        return eitherDay ? isDay || isWeekday : isDay && isWeekday
    }

    /// The first time after `time`; nil when there is none in the years to come. Seconds since 1970.
    func next(after time: Int, in zone: TimeZone) -> Int? {
        let local = time + zone.offset(at: time)
        let today = Self.day(ofLocal: local)
        // Clocks may have been put back over midnight.
        for day in (today - 1)...(today + Self.horizon) where matches(day: day) {
            if let found = hasAnyHour ? passing(day, after: time, zone) : fixed(day, after: time, zone) { return found }
        }
        return nil
    }

    private static func day(ofLocal local: Int) -> Int { local >= 0 ? local / 86_400 : (local - 86_399) / 86_400 }

    private func fixed(_ day: Int, after time: Int, _ zone: TimeZone) -> Int? {
        var best: Int?
        for hour in 0...23 where Self.has(hours, hour) {
            for minute in 0...59 where Self.has(minutes, minute) {
                let candidate = zone.time(ofLocal: day * 86_400 + hour * 3600 + minute * 60)
                if candidate > time { best = min(best ?? candidate, candidate) }
            }
            if best != nil { return best }
        }
        return best
    }

    /// By all minutes of the day that pass, however many it has.
    private func passing(_ day: Int, after time: Int, _ zone: TimeZone) -> Int? {
        let begin = zone.time(ofLocal: day * 86_400)
        var candidate = max(begin, time + 1)
        candidate += (60 - candidate % 60) % 60
        while candidate < begin + 26 * 3600 {
            let local = candidate + zone.offset(at: candidate)
            let today = Self.day(ofLocal: local)
            guard today == day else {
                if today > day { return nil }
                candidate += 60
                continue
            }
            let seconds = local - day * 86_400
            if Self.has(hours, seconds / 3600), Self.has(minutes, seconds / 60 % 60) { return candidate }
            candidate += 60
        }
        return nil
    }
}
