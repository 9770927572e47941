internal import Glibc

/// Times as they are written for people and programs.
public enum WallTime {
    /// - Parameter wall: CLOCK_REALTIME ns.
    /// - Returns: UTC as RFC 3339 has it, with milliseconds: `2026-01-31T08:05:09.120Z`.
    public static func text(_ wall: UInt64) -> String {
        var seconds = time_t(wall / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 24) { buffer in
            func put(_ value: Int, at place: Int, digits: Int) {
                var rest = value
                for index in stride(from: place + digits - 1, through: place, by: -1) {
                    buffer[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
            }
            for (index, byte) in "0000-00-00T00:00:00.000Z".utf8.enumerated() { buffer[index] = byte }
            put(Int(parts.tm_year) + 1900, at: 0, digits: 4)
            put(Int(parts.tm_mon) + 1, at: 5, digits: 2)
            put(Int(parts.tm_mday), at: 8, digits: 2)
            put(Int(parts.tm_hour), at: 11, digits: 2)
            put(Int(parts.tm_min), at: 14, digits: 2)
            put(Int(parts.tm_sec), at: 17, digits: 2)
            put(Int(wall % 1_000_000_000 / 1_000_000), at: 20, digits: 3)
            return 24
        }
    }
}
