/// What holds every year, in the notation of POSIX: "CET-1CEST,M3.5.0,M10.5.0/3".
struct ZoneRule: Sendable {
    /// Seconds ahead of UTC.
    private let standard: Int
    private var summer: (offset: Int, begin: Day, end: Day)?

    private struct Day {
        enum Kind {
            /// Month, week (5 = the last), weekday.
            case month(Int, Int, Int)
            /// From 1, without the 29th of February.
            case julian(Int)
            /// From 0.
            case ordinal(Int)
        }

        let kind: Kind
        /// Seconds of local time.
        let time: Int

        /// Seconds since 1970 as local clocks show them.
        func local(in year: Int) -> Int {
            let first = CivilDate(year: year, month: 1, day: 1).dayNumber
            let day: Int
            switch kind {
            case .ordinal(let number): day = first + number
            case .julian(let number):
                let isAfter = number >= 60 && CivilDate.days(inMonth: 2, of: year) == 29
                day = first + number - 1 + (isAfter ? 1 : 0)
            case .month(let month, let week, let weekday):
                let begin = CivilDate(year: year, month: month, day: 1).dayNumber
                let shift = (weekday - CivilDate.weekday(ofDay: begin) + 7) % 7
                let last = CivilDate.days(inMonth: month, of: year)
                var date = shift + (week - 1) * 7
                while date >= last { date -= 7 }
                day = begin + date
            }
            return day * 86_400 + time
        }
    }

    /// Nil for what is no such text.
    init?(_ text: String) {
        var scanner = Scanner(rest: text[...])
        guard scanner.name(), let west = scanner.time() else { return nil }
        standard = -west
        guard !scanner.rest.isEmpty else { return }
        guard scanner.name() else { return nil }
        let offset = scanner.rest.first == "," ? standard + 3600 : scanner.time().map { -$0 }
        guard let offset, let begin = scanner.day(), let end = scanner.day(), scanner.rest.isEmpty else { return nil }
        summer = (offset, begin, end)
    }

    func offset(at time: Int) -> Int {
        guard let summer else { return standard }
        let local = time + standard
        let year = CivilDate(dayNumber: local >= 0 ? local / 86_400 : (local - 86_399) / 86_400).year
        let begin = summer.begin.local(in: year) - standard
        let end = summer.end.local(in: year) - summer.offset
        // In the south summer goes over the end of the year.
        let isSummer = begin < end ? begin <= time && time < end : !(end <= time && time < begin)
        return isSummer ? summer.offset : standard
    }

    private struct Scanner {
        var rest: Substring

        mutating func take(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest.removeFirst()
            return true
        }

        /// Letters, or anything between angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: ">") else { return false }
                rest = rest[rest.index(after: end)...]
                return true
            }
            let letters = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number() -> Int? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            return digits.count <= 4 ? Int(digits) : nil
        }

        /// Hours, minutes, seconds, as seconds.
        mutating func time() -> Int? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard var seconds = number().map({ $0 * 3600 }) else { return nil }
            for unit in [60, 1] where take(":") {
                guard let part = number() else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func day() -> Day? {
            guard take(",") else { return nil }
            let kind: Day.Kind
            if take("M") {
                guard let month = number(), take("."), let week = number(), take("."), let day = number(),
                    1...12 ~= month, 1...5 ~= week, 0...6 ~= day
                else { return nil }
                kind = .month(month, week, day)
            } else {
                let isJulian = take("J")
                guard let day = number(), day <= 366 else { return nil }
                kind = isJulian ? .julian(day) : .ordinal(day)
            }
            guard take("/") else { return Day(kind: kind, time: 7200) }
            return time().map { Day(kind: kind, time: $0) }
        }
    }
}
