internal import Glibc
internal import Platform
internal import Synchronization

/// Severity of a log line; the raw values are the plugin ABI's.
public enum LogLevel: Int32, Sendable, Comparable, CaseIterable {
    case trace, debug, info, warning, error, critical

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    public init?(name: String) {
        guard let level = LogLevel.allCases.first(where: { "\($0)" == name }) else { return nil }
        self = level
    }
}

/// The node's log: one line per event on standard error, control characters escaped.
///
/// No thread ever waits for who reads it: lines are lost then, and the next one that is not tells how many.
public enum Log {
    private static let threshold = Atomic<Int32>(LogLevel.info.rawValue)
    private static let lost = Mutex(0)
    /// PIPE_BUF: a pipe that is ready takes as many bytes at once.
    private static let longestLine = 4096

    public static func setLevel(_ level: LogLevel) { threshold.store(level.rawValue, ordering: .relaxed) }

    public static func isEnabled(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    public static func trace(_ message: @autoclosure () -> String) { write(.trace, message) }
    public static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
    public static func info(_ message: @autoclosure () -> String) { write(.info, message) }
    public static func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    public static func error(_ message: @autoclosure () -> String) { write(.error, message) }
    public static func critical(_ message: @autoclosure () -> String) { write(.critical, message) }

    /// Writes at a level known only at run time.
    public static func write(_ level: LogLevel, _ message: () -> String) {
        guard isEnabled(level) else { return }
        var line = "\(timestamp()) \(level) "
        for scalar in message().unicodeScalars.prefix(4096) {
            // Escaped, so that text from a guest or the network cannot forge lines or drive a terminal.
            if scalar.value < 0x20 || scalar.value == 0x7f {
                line += "\\x" + String(scalar.value, radix: 16)
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        put(line, to: 2)
    }

    /// Writes a line if the descriptor takes it without a wait.
    static func put(_ line: String, to descriptor: Int32) {
        lost.withLock { lost in
            if lost > 0, offer("\(timestamp()) warning \(lost) lines of the log were lost", to: descriptor) { lost = 0 }
            if !offer(line, to: descriptor) { lost += 1 }
        }
    }

    private static func offer(_ line: String, to descriptor: Int32) -> Bool {
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&target, 1, 0) == 1, target.revents & Int16(POLLOUT) != 0 else { return false }
        let bytes = Array(line.utf8.prefix(longestLine - 1)) + [UInt8(ascii: "\n")]
        // SAFETY: bytes has bytes.count readable bytes.
        return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    }

    private static func timestamp() -> String {
        let wall = Clock.wall()
        var seconds = time_t(wall / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func pad(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(parts.tm_year + 1900)-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))T"
            + "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))."
            + "\(pad(Int(wall % 1_000_000_000 / 1_000_000), 3))Z"
    }
}
