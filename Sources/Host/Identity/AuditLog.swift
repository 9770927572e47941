public import Failure
internal import Glibc
internal import Items
internal import Platform
internal import Registry
internal import Synchronization
internal import Telemetry
internal import Values

/// Who did what with which result: a file to which lines are added, each bound to all before it (`AuditLine`). Nobody waits for
/// it: a thread of its own chains and writes what they leave, and waits for the disk. Any thread.
public final class AuditLog: Sendable {
    /// What happened.
    public struct Event: Sendable {
        /// CLOCK_REALTIME ns.
        public var time: UInt64
        /// `register`, `remove`, `invoke`, `reload_plugin`, `denied`, `start`, `stop`, `reload`, `token`, `secret`.
        public var action: String
        /// A token's number, a certificate's or JWT's subject; nil = nobody was asked, or the node itself.
        public var who: String?
        public var tenant: String?
        /// The name or path that it was about.
        public var target: String?
        /// A status, or words.
        public var result: String
        /// The request's id.
        public var request: String?
        /// Where it came from.
        public var remote: String?

        /// - Parameter time: nil = now.
        public init(_ action: String, time: UInt64? = nil, result: String) {
            (self.action, self.time, self.result) = (action, time ?? Clock.wall(), result)
        }
    }

    private struct State {
        var pending: [Event] = []
        var lost = 0
        var wantsReopen = false
        var isStopping = false
    }

    private let path: String
    private let state = Mutex(State())
    private let waker = Parker()
    private let ended = Parker()
    /// Events that wait at most, when the disk does not keep up.
    private static let capacity = 100_000
    private static let patienceAtEnd: Int64 = 5_000_000_000
    private static let lost = Metrics.shared.cell(
        "dandelion_audit_lost_events_total", "Events that could not be kept until the audit log was written.")

    /// Goes on behind what the file has.
    /// - Throws: `.unavailable` when it cannot be written, or what it ends with is no line of an audit log.
    public init(path: String) throws(Failure) {
        self.path = path
        let file = try AuditFile(path, after: nil)
        do throws(SystemError) {
            try Thread.start(name: "audit", core: nil) { self.work(file) }
        } catch { throw Failure(.unavailable, "no thread for the audit log: \(error)") }
    }

    public func add(_ event: Event) {
        let isFirst = state.withLock { state in
            guard state.pending.count < Self.capacity else {
                state.lost += 1
                return false
            }
            state.pending.append(event)
            return state.pending.count == 1
        }
        if isFirst { waker.wake() }
    }

    /// Goes on in the file that has the name now: whoever rotates files has moved this one.
    public func reopen() {
        state.withLock { $0.wantsReopen = true }
        waker.wake()
    }

    /// Writes what waits. When nothing happens any more.
    public func stop() {
        state.withLock { $0.isStopping = true }
        waker.wake()
        ended.park(nanoseconds: Self.patienceAtEnd)
    }

    private func work(_ first: AuditFile) {
        var file = first
        while true {
            let taken = state.withLock { state in
                defer { (state.pending, state.lost, state.wantsReopen) = ([], 0, false) }
                return state
            }
            if taken.lost > 0 { Self.lost.add(taken.lost) }
            file.add(taken.pending, lost: taken.lost)
            if taken.wantsReopen {
                do throws(Failure) { file = try AuditFile(path, after: file.last) } catch {
                    Log.error("\(error.detail); the audit log goes on in the file of before")
                }
            }
            if taken.pending.isEmpty, taken.lost == 0, !taken.wantsReopen {
                if taken.isStopping { break }
                waker.park()
            }
        }
        ended.wake()
    }
}

/// The open file.
private final class AuditFile: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: after init only the log's thread touches it.
    /// The hash of the last line.
    private(set) var last: String
    private let path: String
    private let descriptor: Int32
    private var isHealthy = true
    private static let longestLine = 64 << 10

    /// - Parameter previous: the hash that a new file goes on from; nil = that of the first.
    init(_ path: String, after previous: String?) throws(Failure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0o640)
        last = previous ?? AuditLine.beginning
        guard descriptor >= 0 else {
            throw Failure(.unavailable, "the audit log '\(path)' cannot be opened: \(SystemError.last("open"))")
        }
        let size = lseek(descriptor, 0, SEEK_END)
        if size > 0 {
            try goOn(size)
        } else {
            var json = JSONWriter()
            json.object { json in
                json.member("time", WallTime.text(Clock.wall()))
                json.member("action", "begin")
                json.member("previous", last)
            }
            write([json.bytes])
        }
    }

    deinit { close(descriptor) }

    /// Finds the last whole line. What a crash has left behind it was nobody's yet, and goes.
    private func goOn(_ size: off_t) throws(Failure) {
        let start = max(0, size - off_t(Self.longestLine * 2))
        var tail = [UInt8](repeating: 0, count: Int(size - start))
        let count = tail.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, start) }
        guard count == tail.count, let end = tail.lastIndex(of: UInt8(ascii: "\n")) else { throw strange }
        let begin = tail[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        guard let told = AuditLine.told(by: tail[begin..<end]) else { throw strange }
        last = told
        guard end + 1 < tail.count else { return }
        Log.warning("the audit log '\(path)' ends with a part of a line, which is cut off")
        guard ftruncate(descriptor, start + off_t(end) + 1) == 0 else { throw strange }
    }

    private var strange: Failure {
        Failure(.unavailable, "'\(path)' does not end as an audit log does; move it away, or name another file")
    }

    func add(_ events: [AuditLog.Event], lost: Int) {
        var objects = events.map(Self.json)
        if lost > 0 {
            objects.append(Self.json(AuditLog.Event("lost", result: "\(lost) events that came too fast to be written")))
        }
        if !objects.isEmpty { write(objects) }
    }

    private static func json(_ event: AuditLog.Event) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("time", WallTime.text(event.time))
            json.member("action", event.action)
            for (name, value) in [
                ("who", event.who), ("tenant", event.tenant), ("target", event.target), ("remote", event.remote),
                ("request_id", event.request),
            ] {
                if let value { json.member(name, String(value.prefix(2048))) }
            }
            json.member("result", event.result)
        }
        return json.bytes
    }

    /// Writes whole lines, again and again while the disk is full: the log has no gaps.
    private func write(_ objects: [[UInt8]]) {
        var lines: [UInt8] = []
        for object in objects {
            let (line, hash) = AuditLine.sealed(Array(object.dropLast()), after: last)
            lines += line
            last = hash
        }
        var rest = lines[...]
        while !rest.isEmpty {
            // SAFETY: the bytes are there as long as the closure runs.
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            if isHealthy {
                Log.error("the audit log '\(path)' cannot be written, and waits: \(SystemError.last("write"))")
            }
            isHealthy = false
            Sleep.milliseconds(200)
        }
        isHealthy = true
        fdatasync(descriptor)
    }
}
