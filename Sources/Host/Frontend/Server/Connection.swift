internal import CPlatform
internal import Dispatcher
internal import Engines
internal import Glibc
internal import Items
internal import Platform

/// One client's connection: HTTP/1.1, or HTTP/2 once it turns out to be that.
///
/// HTTP/1.1 requests are handled one after the other, so that pipelined ones are answered in order; the next one is not
/// even decoded before the answer to the last is written, which bounds what a client can queue.
final class Connection: EventSource, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: touched only on its worker's loop; other threads just carry the reference.
    enum Phase {
        /// Awaits requests or frames.
        case reading
        /// HTTP/1.1: a request is with the router.
        case handling
        /// The last answer is sent; bytes of the client are dropped, so that a reset does not destroy that answer.
        case lingering
        case closed
    }

    /// What a time limit is running for.
    enum Waiting { case nothing, idle, head, body, frames, writing, lingering }

    private(set) unowned var server: Server
    /// In the server's list.
    var index: Int
    /// Server tick at which the current wait has lasted too long; 0 = none.
    private(set) var expiry: UInt32 = 0
    private var waiting = Waiting.nothing
    private var waitingSince: UInt32 = 0

    var phase = Phase.reading
    var reader: RequestReader
    var http2: HTTP2Session?
    /// By stream; on HTTP/1.1 by 0.
    var invocations: [Int32: Invocation] = [:]
    /// Requests are being taken from received bytes: answers are sent together, at the end of that.
    var isTurning = false
    /// Nothing has been read yet that would tell the protocol.
    var isFresh = true
    var owesContinue = false
    /// The connection ends when the output is sent.
    var isEnding = false
    /// The client has closed its sending side.
    private var peerHasEnded = false
    private(set) var output: OutputBuffer?
    private var written = 0
    private var interest = Connection.firstInterest
    private var isInputPaused = false

    /// A job that may move the connection is on its way; nothing else moves it then.
    private var mayMoveSoon = false

    static let firstInterest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
    /// Output beyond which nothing more is taken from the client.
    static let mostOutput = 256 << 10

    init(descriptor: Int32, server: Server, index: Int) {
        self.server = server
        self.index = index
        reader = RequestReader(pool: server.buffers, limits: server.limits)
        super.init(descriptor: descriptor)
        wait(.idle)
    }

    // MARK: Moving to another worker

    /// Nothing has begun that is not answered, so that another worker may serve the connection.
    var isBetweenRequests: Bool {
        guard phase == .reading, !isTurning, !isEnding, !peerHasEnded, !mayMoveSoon, output == nil, invocations.isEmpty
        else { return false }
        return http2.map { $0.hasBegun && !$0.hasStreams } ?? reader.isIdle
    }

    /// Goes on at another server, on whose loop this is called; the last one has stopped watching.
    func move(to server: Server, index: Int) throws(SystemError) {
        self.server = server
        self.index = index
        reader = RequestReader(pool: server.buffers, limits: server.limits)
        try server.loop.add(self, events: interest)
        wait(.idle)
    }

    /// A request is answered.
    func mayMove() {
        guard server.isShedding, !mayMoveSoon else { return }
        // Not at once: callers go on with the connection.
        mayMoveSoon = true
        server.loop.post { [self, server] in
            mayMoveSoon = false
            if phase != .closed { server.shed(self) }
        }
    }

    // MARK: Events

    override func ready(_ events: UInt32) {
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return close() }
        if events & EPOLLOUT.rawValue != 0 {
            guard flush() else { return }
            resume()
        }
        guard events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 else { return }
        switch phase {
        case .reading where http2 == nil: readRequests()
        case .reading: readFrames()
        case .handling: interrupt(events)
        case .lingering: discard()
        case .closed: break
        }
    }

    /// Something arrives while a request is being handled.
    private func interrupt(_ events: UInt32) {
        isInputPaused = true
        if events & EPOLLRDHUP.rawValue != 0, !peerHasEnded {
            peerHasEnded = true
            isEnding = true
            for invocation in invocations.values { invocation.cancel() }
        }
        watch()
    }

    /// Reads once to `room`; nil when there is nothing, the client has ended, or the connection had to be closed.
    func receive(_ room: UnsafeMutableRawBufferPointer) -> Int? {
        let count = read(descriptor, room.baseAddress, room.count)
        if count > 0 { return count }
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        // The answers that are on their way still count.
        if count == 0, output != nil {
            isEnding = true
            peerHasEnded = true
            watch()
        } else {
            close()
        }
        return nil
    }

    /// The output is sent, or an answer is given: goes on with what has arrived meanwhile.
    func resume() {
        guard phase == .reading, !isTurning else { return }
        if http2 != nil { return turnHTTP2() }
        turnHTTP1()
    }

    // MARK: Output

    /// The buffer to write answers to; `flush` sends it.
    func makeOutput() -> OutputBuffer {
        if let output { return output }
        let fresh = server.takeOutput()
        output = fresh
        return fresh
    }

    var isBackedUp: Bool { (output?.count ?? 0) > Self.mostOutput }

    /// Sends what can be sent.
    /// - Returns: whether everything is, and the connection is still there.
    func flush() -> Bool {
        guard phase != .closed else { return false }
        if let output {
            guard send(output) else { return false }
            self.output = nil
            server.giveOutput(output)
            written = 0
            if waiting == .writing { wait(.nothing) }
        }
        guard isEnding, phase != .handling else {
            watch()
            return true
        }
        if phase == .reading { linger() }
        return false
    }

    private func send(_ output: OutputBuffer) -> Bool {
        while output.count > 0 {
            let count = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { vectors in
                let pieces = output.gather(vectors)
                return writev(descriptor, vectors.baseAddress, Int32(pieces))
            }
            if count < 0 {
                guard errno == EAGAIN else {
                    if errno == EINTR { continue }
                    close()
                    return false
                }
                wait(.writing, progress: written)
                watch()
                return false
            }
            output.consume(count)
            written += count
        }
        return true
    }

    /// Tells the loop what to wait for, if that has changed.
    private func watch() {
        var wanted: UInt32 = 0
        if output != nil { wanted |= EPOLLOUT.rawValue }
        if phase == .reading, !isBackedUp { isInputPaused = false }
        if !isInputPaused, !isBackedUp, !peerHasEnded { wanted |= EPOLLIN.rawValue }
        if !peerHasEnded { wanted |= EPOLLRDHUP.rawValue }
        if phase == .reading, isBackedUp { wanted &= ~EPOLLRDHUP.rawValue }
        guard wanted != interest else { return }
        interest = wanted
        do { try server.loop.modify(self, events: wanted) } catch { close() }
    }

    // MARK: Time

    /// Starts a time limit, or renews it by the progress that was made: bytes of a body or answer.
    func wait(_ wanted: Waiting, progress: Int = 0) {
        if waiting != wanted {
            waiting = wanted
            waitingSince = server.tick
        }
        let idle = UInt32(clamping: server.settings.idleTimeout / 1_000_000_000 + 1)
        // So that trickling does not hold memory for long: a grace, then an average of 8 KiB/s.
        let paced = 20 &+ UInt32(clamping: progress >> 13)
        let seconds: UInt32
        switch wanted {
        case .nothing:
            expiry = 0
            return
        case .idle: (seconds, waitingSince) = (idle, server.tick)
        case .head: seconds = min(10, idle)
        case .body, .writing: seconds = paced
        case .frames: (seconds, waitingSince) = (20, server.tick)
        case .lingering: seconds = 3
        }
        expiry = waitingSince &+ seconds &+ 1
    }

    func expire() {
        switch waiting {
        case .head, .body:
            refuse(Problem(.requestTimeout, "requestTimeout", "the request did not arrive in time"))
        case .idle where http2 != nil: drain()
        case .nothing, .idle, .frames, .writing, .lingering: close()
        }
    }

    // MARK: End

    /// Ends the connection after the requests that are being handled.
    func drain() {
        isEnding = true
        if let http2 {
            http2.goAway()
            isEnding = !http2.hasStreams
            turnHTTP2()
        } else if phase == .reading, reader.isIdle {
            _ = flush()
        } else if phase == .reading {
            refuse(Problem(.serviceUnavailable, "unavailable", "the node is stopping"))
        }
    }

    /// The answers are sent: closes our side, then waits for the client to close its own.
    private func linger() {
        phase = .lingering
        reader.release()
        shutdown(descriptor, Int32(SHUT_WR))
        guard !peerHasEnded else { return close() }
        wait(.lingering)
        watch()
    }

    private func discard() {
        // A bound for one turn; the time limit bounds the rest.
        for _ in 0..<16 {
            let count = read(descriptor, server.scratch.baseAddress, server.scratch.count)
            if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { return close() }
            if count < server.scratch.count { return }
        }
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        expiry = 0
        server.loop.remove(self)
        Glibc.close(descriptor)
        if let output { server.giveOutput(output) }
        output = nil
        let running = invocations.values
        invocations = [:]
        for invocation in running { invocation.cancel() }
        reader.release()
        server.forget(self)
    }
}
