internal import Glibc
internal import Platform

/// The Date field's value (RFC 9110, 5.6.7), made anew once a second; one worker's.
final class DateField {
    private(set) var value: [UInt8] = []
    private var second: UInt64 = 0

    /// - Parameter wall: CLOCK_REALTIME in nanoseconds.
    func update(wall: UInt64 = Clock.coarseWall()) {
        let now = wall / 1_000_000_000
        guard now != second else { return }
        second = now
        var time = time_t(clamping: now)
        var parts = tm()
        gmtime_r(&time, &parts)
        func pad(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = Self.days[Int(parts.tm_wday) % 7]
        let month = Self.months[Int(parts.tm_mon) % 12]
        let clock = "\(pad(parts.tm_hour)):\(pad(parts.tm_min)):\(pad(parts.tm_sec))"
        value = Array("\(day), \(pad(parts.tm_mday)) \(month) \(Int(parts.tm_year) + 1900) \(clock) GMT".utf8)
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
