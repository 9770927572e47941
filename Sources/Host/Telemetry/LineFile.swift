internal import Glibc
public import Platform
internal import Synchronization

/// A file that lines are appended to by many threads, none of which ever waits for it: a thread of its own writes what they
/// leave in a buffer. What does not fit there, or cannot be written, is lost and counted.
public final class LineFile: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var lines = 0
        var wantsReopen = false
        var isStopping = false
    }

    private let path: String
    private let lost: Metrics.Cell
    private let state = Mutex(State())
    private let waker = Parker()
    private let ended = Parker()
    /// Bytes that wait at most.
    private static let capacity = 1 << 20
    /// Lines that come meanwhile are written together.
    private static let pause: UInt32 = 20
    /// Nanoseconds that the end waits for whoever reads what is written.
    private static let patienceAtEnd: Int64 = 1_000_000_000

    /// - Parameters:
    ///   - path: made when it is not there, readable by the node's user and group.
    ///   - lost: counts the lines that were not written.
    /// - Throws: the system's reason when it cannot be opened, or no thread be made.
    public init(path: String, lost: Metrics.Cell) throws(SystemError) {
        self.path = path
        self.lost = lost
        state.withLock { $0.pending.reserveCapacity(Self.capacity) }
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { throw SystemError.last("open") }
        do throws(SystemError) {
            try Thread.start(name: "lines", core: nil) { self.drain(to: descriptor) }
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Leaves a line, without its end, to be written. Any thread; takes no longer than copying it.
    public func add(_ line: [UInt8]) {
        let (isKept, isFirst) = state.withLock { state in
            guard state.pending.count + line.count < Self.capacity, !state.isStopping else { return (false, false) }
            state.pending.append(contentsOf: line)
            state.pending.append(UInt8(ascii: "\n"))
            state.lines += 1
            return (true, state.lines == 1)
        }
        if !isKept { lost.add() }
        if isFirst { waker.wake() }
    }

    /// Has the next lines written to what the path names then: whoever rotates files has moved this one.
    public func reopen() {
        state.withLock { $0.wantsReopen = true }
        waker.wake()
    }

    /// Writes what waits, for a second at most, and ends. Called once, when no thread adds lines.
    public func stop() {
        state.withLock { $0.isStopping = true }
        waker.wake()
        ended.park(nanoseconds: Self.patienceAtEnd)
    }

    private static func open(_ path: String) -> Int32 {
        // Without O_NONBLOCK a pipe that nobody empties would hold the thread for ever.
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
    }

    // MARK: The thread

    private func drain(to first: Int32) {
        var descriptor = first
        var writing: [UInt8] = []
        writing.reserveCapacity(Self.capacity)
        var isHealthy = true
        while true {
            let (lines, wantsReopen, isStopping) = state.withLock { state in
                swap(&state.pending, &writing)
                defer { (state.lines, state.wantsReopen) = (0, false) }
                return (state.lines, state.wantsReopen, state.isStopping)
            }
            if lines > 0 { isHealthy = write(writing, lines, to: descriptor, wasHealthy: isHealthy) }
            writing.removeAll(keepingCapacity: true)
            if wantsReopen { descriptor = reopened(descriptor) }
            if lines > 0 || wantsReopen {
                if !isStopping { Sleep.milliseconds(Self.pause) }
                continue
            }
            if isStopping { break }
            waker.park()
        }
        close(descriptor)
        ended.wake()
    }

    private func reopened(_ descriptor: Int32) -> Int32 {
        let fresh = Self.open(path)
        guard fresh >= 0 else {
            Log.error("'\(path)' cannot be opened anew, lines go to the file of before: \(SystemError.last("open"))")
            return descriptor
        }
        close(descriptor)
        return fresh
    }

    /// - Returns: whether all was written; the first failure is told to the log.
    private func write(_ bytes: [UInt8], _ lines: Int, to descriptor: Int32, wasHealthy: Bool) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                // SAFETY: written < count, so the pointer lies in the bytes and as many as are told follow it.
                $0.baseAddress.map { Glibc.write(descriptor, $0 + written, bytes.count - written) } ?? -1
            }
            if count > 0 {
                written += count
                continue
            }
            if count < 0, errno == EINTR || errno == EAGAIN && waitsForReader(of: descriptor) { continue }
            if wasHealthy { Log.error("lines for '\(path)' are lost: \(SystemError.last("write"))") }
            let rest = bytes[written...].count { $0 == UInt8(ascii: "\n") }
            lost.add(min(lines, rest))
            return false
        }
        return true
    }

    /// - Returns: false when the node ends and nobody empties the pipe.
    private func waitsForReader(of descriptor: Int32) -> Bool {
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let isReady = poll(&target, 1, 100) == 1
        return isReady || state.withLock { !$0.isStopping }
    }
}
