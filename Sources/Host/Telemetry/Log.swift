internal import Glibc
internal import Platform
internal import Synchronization
internal import Values

/// Severity of a log line; the raw values are the plugin ABI's.
public enum LogLevel: Int32, Sendable, Comparable, CaseIterable {
    case trace, debug, info, warning, error, critical

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    public init?(name: String) {
        guard let level = LogLevel.allCases.first(where: { "\($0)" == name }) else { return nil }
        self = level
    }
}

/// How lines of the log are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Time, level and message.
    case text
    /// An object of JSON with the members `time`, `level`, `message` and, of what a request caused, `request_id`.
    case json
}

/// The node's log: one line per event on standard error, control characters escaped.
///
/// No thread ever waits for who reads it: lines are lost then, and the next one that is not tells how many.
public enum Log {
    private static let threshold = Atomic<Int32>(LogLevel.info.rawValue)
    private static let isJSON = Atomic<Bool>(false)
    private static let lost = Mutex(0)
    /// PIPE_BUF: a pipe that is ready takes as many bytes at once.
    private static let longestLine = 4096

    public static func setLevel(_ level: LogLevel) { threshold.store(level.rawValue, ordering: .relaxed) }

    public static func setFormat(_ format: LogFormat) { isJSON.store(format == .json, ordering: .relaxed) }

    public static func isEnabled(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    public static func trace(_ message: @autoclosure () -> String) { write(.trace, message) }
    public static func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
    public static func info(_ message: @autoclosure () -> String) { write(.info, message) }
    public static func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    public static func error(_ message: @autoclosure () -> String) { write(.error, message) }
    public static func critical(_ message: @autoclosure () -> String) { write(.critical, message) }

    /// Writes at a level known only at run time.
    /// - Parameter request: the id of the request that caused the event.
    public static func write(_ level: LogLevel, request: String? = nil, _ message: () -> String) {
        guard isEnabled(level) else { return }
        put(line(level, request, message()), to: 2)
    }

    private static func line(_ level: LogLevel, _ request: String?, _ message: String) -> String {
        isJSON.load(ordering: .relaxed)
            ? jsonLine(level, request, message, at: timestamp()) : textLine(level, request, message, at: timestamp())
    }

    static func textLine(_ level: LogLevel, _ request: String?, _ message: String, at time: String) -> String {
        var line = "\(time) \(level) "
        if let request { line += "request \(request): " }
        for scalar in message.unicodeScalars.prefix(longestLine) {
            // Escaped, so that text from a guest or the network cannot forge lines or drive a terminal.
            if scalar.value < 0x20 || scalar.value == 0x7f {
                line += "\\x" + String(scalar.value, radix: 16)
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }

    static func jsonLine(_ level: LogLevel, _ request: String?, _ message: String, at time: String) -> String {
        // Shortened before it is escaped, because half an object is none: an escape takes six bytes at most.
        var length = message.utf8.count
        while true {
            var json = JSONWriter()
            json.object { json in
                json.member("time", time)
                json.member("level", "\(level)")
                if let request { json.member("request_id", request) }
                json.member("message", String(decoding: message.utf8.prefix(length), as: UTF8.self))
            }
            if json.count < longestLine || length == 0 { return String(decoding: json.bytes, as: UTF8.self) }
            length /= 2
        }
    }

    /// Writes a line if the descriptor takes it without a wait.
    static func put(_ line: String, to descriptor: Int32) {
        lost.withLock { lost in
            if lost > 0, offer(Self.line(.warning, nil, "\(lost) lines of the log were lost"), to: descriptor) {
                lost = 0
            }
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

    private static func timestamp() -> String { WallTime.text(Clock.wall()) }
}
