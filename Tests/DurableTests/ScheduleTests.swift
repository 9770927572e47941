import Failure
import Testing

@testable import Durable

@Suite struct ScheduleTests {
    /// Seconds since 1970 of a time in UTC.
    private func utc(_ year: Int, _ month: Int, _ day: Int, _ hour: Int = 0, _ minute: Int = 0, _ second: Int = 0)
        -> Int
    {
        CivilDate(year: year, month: month, day: day).dayNumber * 86_400 + hour * 3600 + minute * 60 + second
    }

    @Test func datesThereAndBack() {
        #expect(CivilDate(dayNumber: 0) == CivilDate(year: 1970, month: 1, day: 1))
        #expect(CivilDate(year: 2000, month: 3, day: 1).dayNumber == 11_017)
        #expect(CivilDate.weekday(ofDay: CivilDate(year: 2026, month: 11, day: 30).dayNumber) == 1)
        for number in stride(from: -200_000, through: 200_000, by: 37) {
            #expect(CivilDate(dayNumber: number).dayNumber == number)
        }
    }

    private func times(_ text: String, after start: Int, _ count: Int, in zone: TimeZone = .utc) throws -> [Int] {
        let cron = try CronExpression(text)
        var found: [Int] = []
        var time = start
        for _ in 0..<count {
            time = try #require(cron.next(after: time, in: zone))
            found.append(time)
        }
        return found
    }

    @Test func fields() throws {
        let start = utc(2026, 11, 30, 19, 12, 9)
        #expect(try times("* * * * *", after: start, 2) == [utc(2026, 11, 30, 19, 13), utc(2026, 11, 30, 19, 14)])
        #expect(
            try times("*/20 * * * *", after: start, 3) == [
                utc(2026, 11, 30, 19, 20), utc(2026, 11, 30, 19, 40), utc(2026, 11, 30, 20),
            ])
        #expect(try times("30 6,18 * * *", after: start, 2) == [utc(2026, 12, 1, 6, 30), utc(2026, 12, 1, 18, 30)])
        #expect(try times("0 0 29 feb *", after: start, 2) == [utc(2028, 2, 29), utc(2032, 2, 29)])
        #expect(try times("0 12 * * mon-fri", after: utc(2026, 12, 4, 12), 1) == [utc(2026, 12, 7, 12)])
        #expect(try times("0 12 * * 7", after: start, 1) == [utc(2026, 12, 6, 12)])
        // One of both kinds of days is enough.
        #expect(try times("0 0 13 * fri", after: start, 3) == [utc(2026, 12, 4), utc(2026, 12, 11), utc(2026, 12, 13)])
        #expect(try times("@monthly", after: start, 2) == [utc(2026, 12, 1), utc(2027, 1, 1)])
        #expect(try times("5-10/5 1 * * *", after: start, 2) == [utc(2026, 12, 1, 1, 5), utc(2026, 12, 1, 1, 10)])
        // Exactly at a time comes the next.
        #expect(try times("0 0 * * *", after: utc(2026, 12, 1), 1) == [utc(2026, 12, 2)])
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *",
        "5-1 * * * *", "*/0 * * * *", "1/2/3 * * * *", "1,,2 * * * *", "-1 * * * *", "0 0 30 feb *", "+5 * * * *",
        "@reboot",
    ])
    func whatIsNone(text: String) {
        #expect(throws: CronExpression.Malformed.self) { try CronExpression(text) }
    }

    /// In Zurich clocks went forward at 2:00 on 29 March 2026 and back at 3:00 on 25 October; rules say the same of 2050.
    @Test(arguments: [2026, 2050])
    func clocksThatAreChanged(year: Int) throws {
        let zone = try #require(TimeZone(named: "Europe/Zurich"))
        func lastSunday(_ month: Int) -> Int {
            var day = CivilDate(year: year, month: month, day: 31).dayNumber
            while CivilDate.weekday(ofDay: day) != 0 { day -= 1 }
            return day * 86_400
        }
        let (spring, autumn) = (lastSunday(3), lastSunday(10))
        #expect(zone.offset(at: spring) == 3600 && zone.offset(at: spring + 3600) == 7200)
        #expect(zone.offset(at: autumn + 3599) == 7200 && zone.offset(at: autumn + 3600) == 3600)
        // 2:30 is not there: an hour later by the clock, which is when it would have been.
        #expect(try times("30 2 * * *", after: spring - 3600, 2, in: zone) == [spring + 5400, spring + 86_400 + 1800])
        // It is there twice: once.
        #expect(try times("30 2 * * *", after: autumn - 3600, 2, in: zone) == [autumn + 1800, autumn + 86_400 + 5400])
        // By the minutes that pass.
        let half = try times("*/30 * * * *", after: autumn - 3600, 8, in: zone)
        #expect(half == (1...8).map { autumn - 3600 + $0 * 1800 })
        #expect(
            try times("*/30 * * * *", after: spring - 3600, 8, in: zone) == (1...8).map { spring - 3600 + $0 * 1800 })
    }

    @Test func zones() throws {
        #expect(try #require(TimeZone(named: "America/New_York")).offset(at: utc(2026, 7, 1)) == -4 * 3600)
        // Summer over the end of the year.
        let sydney = try #require(TimeZone(named: "Australia/Sydney"))
        #expect(sydney.offset(at: utc(2045, 1, 15)) == 11 * 3600 && sydney.offset(at: utc(2045, 7, 15)) == 10 * 3600)
        #expect(try #require(TimeZone(named: "Asia/Kathmandu")).offset(at: utc(2026, 1, 1)) == 20_700)
        for name in ["", "/etc/passwd", "../../../etc/passwd", "Europe/Nowhere", "Europe", "a b", "UTC\u{0}"] {
            #expect(TimeZone(named: name) == nil, "\(name)")
        }
    }

    @Test func intervalsKeepTheirPace() throws {
        let second: UInt64 = 1_000_000_000
        let times = try ScheduleTimes(cron: nil, every: 10 * second, zone: nil, missed: .skip)
        #expect(times.next(after: 100 * second, last: nil) == 110 * second)
        #expect(times.next(after: 110 * second + 5, last: 110 * second) == 120 * second)
        #expect(times.next(after: 155 * second, last: 110 * second) == 160 * second)
        for (cron, every, zone) in [
            (nil, nil, nil), ("* * * * *", second, nil), (nil, second - 1, nil), (nil, second, "UTC"), ("x", nil, nil),
            ("* * * * *", nil, "Nowhere"),
        ] as [(String?, UInt64?, String?)] {
            #expect(throws: Failure.self) { try ScheduleTimes(cron: cron, every: every, zone: zone, missed: .once) }
        }
    }
}
