internal import CPlatform
internal import Config
internal import Dispatcher
internal import Engines
internal import Glibc
internal import Items
internal import Memory
internal import Platform
internal import Transport

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
    enum Waiting { case nothing, idle, head, body, lingering }

    // SAFETY of unowned(unsafe): servers live as long as the front end, which closes all connections before it ends.
    private(set) unowned(unsafe) var server: Server
    let listener: Listener
    /// Nil: bytes as they are.
    let tls: TLSSession?
    /// In the server's list.
    var index: Int
    /// Server tick at which the current wait has lasted too long; 0 = none.
    var expiry: UInt32 = 0
    var waiting = Waiting.nothing
    var waitingSince: UInt32 = 0
    /// The same for the client to take what is written, whatever it sends meanwhile; it begins when the socket is full and
    /// ends when all is written.
    var writing: Pace?
    /// Of the body that is awaited.
    var arriving: Pace?

    var phase = Phase.reading
    var reader: RequestReader
    var http2: HTTP2Session?
    /// Of the request of HTTP/1.1 that is being handled.
    var invocation: Invocation?
    /// Of HTTP/2, by stream.
    var invocations: [Int32: Invocation] = [:]
    /// Requests are being taken from received bytes: answers are sent together, at the end of that.
    var isTurning = false
    /// Nothing has been read yet that would tell the protocol.
    var isFresh = true
    var owesContinue = false
    /// HTTP/1.1: why the request that arrives gets no further.
    var denial: Problem?
    /// The connection ends when the output is sent.
    var isEnding = false
    /// The client has closed its sending side.
    var peerHasEnded = false
    var output: OutputBuffer?
    /// Bytes that the socket has taken.
    var written = 0
    var interest = Connection.firstInterest
    var isInputPaused = false

    /// A job that may move the connection is on its way; nothing else moves it then.
    private var mayMoveSoon = false
    /// When the loop came to this connection, so that it leaves in time for others.
    private var turnBegan: UInt64 = 0
    /// A job that goes on with what has arrived is on its way.
    private var continuesSoon = false
    /// A job that reads on is on its way.
    private var readsSoon = false
    private var peerAddress: AddressRange.Address?
    private var charge: MemoryCharge

    static let firstInterest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
    /// Output beyond which nothing more is taken from the client.
    static let mostOutput = 256 << 10
    /// Nanoseconds after which the loop goes on to others.
    private static let longestTurn: UInt64 = 1_000_000
    /// Bytes that are read or written by one call.
    static let mostAtOnce = 256 << 10
    /// Of an idle connection, in bytes.
    private static let footprint = 2 << 10

    /// Nil when there is no memory for it.
    init?(descriptor: Int32, listener: Listener, server: Server, index: Int) {
        self.listener = listener
        tls = listener.tls?.session(on: descriptor)
        guard listener.tls == nil || tls != nil else { return nil }
        self.server = server
        self.index = index
        reader = RequestReader(pool: server.buffers, limits: server.limits)
        charge = MemoryCharge(server.limits.budget.own, .connections)
        charge.note(Self.footprint + (tls == nil ? 0 : TLSSession.footprint))
        super.init(descriptor: descriptor, work: .connection)
        wait(tls == nil ? .idle : .head)
    }

    // MARK: Moving to another worker

    /// Nothing has begun that is not answered, so that another worker may serve the connection.
    var isBetweenRequests: Bool {
        guard phase == .reading, !isTurning, !isEnding, !peerHasEnded, !mayMoveSoon, !continuesSoon, !readsSoon,
            output == nil,
            invocation == nil, invocations.isEmpty, tls?.isEstablished ?? true, !holdsInput
        else { return false }
        return http2.map { !$0.hasStreams } ?? reader.isIdle
    }

    /// Goes on at another server, on whose loop this is called; the last one has stopped watching.
    func move(to server: Server, index: Int) throws(SystemError) {
        self.server = server
        self.index = index
        reader = RequestReader(pool: server.buffers, limits: server.limits)
        try server.loop.add(self, events: interest)
        // Its ticks are others.
        wait(.nothing)
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
        beginTurn()
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return close() }
        if events & EPOLLOUT.rawValue != 0 {
            guard flush() else { return }
            resume()
        }
        guard events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 || tls?.wantsRoom == true else { return }
        switch phase {
        // What has arrived comes first.
        case .reading where continuesSoon: break
        case .reading where http2 == nil: readRequests()
        case .reading: readFrames()
        case .handling: interrupt(events)
        case .lingering: discard()
        case .closed: break
        }
    }

    /// The loop has come to this connection.
    func beginTurn() { turnBegan = server.loop.now }

    /// Others should have their turn.
    var isOverdue: Bool { Clock.now() &- turnBegan > Self.longestTurn }

    /// Goes on with what lies in the TLS session, of which the socket does not tell.
    func readOn() {
        guard !readsSoon else { return }
        readsSoon = true
        server.loop.post { [self] in
            readsSoon = false
            if phase == .reading, holdsInput { ready(EPOLLIN.rawValue) }
        }
    }

    /// Bytes wait to be read of which the socket does not tell.
    var holdsInput: Bool { tls?.holdsInput ?? false }

    /// Goes on with what has arrived after the loop has looked after others.
    func continueSoon() {
        guard !continuesSoon else { return }
        continuesSoon = true
        server.loop.post { [self] in
            continuesSoon = false
            guard phase != .closed else { return }
            beginTurn()
            resume()
        }
    }

    /// The client's address; nil when the kernel does not tell one.
    var peer: AddressRange.Address? {
        if peerAddress == nil { peerAddress = SocketAddress.peer(of: descriptor) }
        return peerAddress
    }

    /// Something arrives while a request is being handled.
    private func interrupt(_ events: UInt32) {
        isInputPaused = true
        if events & EPOLLRDHUP.rawValue != 0, !peerHasEnded {
            peerHasEnded = true
            isEnding = true
            invocation?.cancel()
        }
        watch()
    }

    /// Reads once to `room`; nil when there is nothing, the client has ended, or the connection had to be closed.
    func receive(_ room: UnsafeMutableRawBufferPointer) -> Int? {
        let count =
            tls?.read(room, limit: Self.mostAtOnce)
            ?? read(descriptor, room.baseAddress, min(room.count, Self.mostAtOnce))
        if count > 0 { return count }
        if count < 0, errno == EAGAIN || errno == EINTR {
            if tls != nil { watchHandshake() }
            return nil
        }
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

    /// A handshake waits for the client, or has just ended.
    private func watchHandshake() {
        if isFresh, waiting == .head, tls?.isEstablished == true { wait(.idle) }
        watch()
    }

    /// The output is sent, or an answer is given: goes on with what has arrived meanwhile.
    func resume() {
        guard phase == .reading, !isTurning else { return }
        if http2 != nil { return turnHTTP2() }
        turnHTTP1()
    }

    // MARK: End

    /// Ends the connection after the requests that are being handled.
    func drain() {
        guard phase != .closed else { return }
        beginTurn()
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
    func linger() {
        phase = .lingering
        reader.release()
        tls?.end()
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
        writing = nil
        server.loop.remove(self)
        Glibc.close(descriptor)
        if let output { server.giveOutput(output) }
        output = nil
        let running = Array(invocations.values)
        invocations = [:]
        invocation.take()?.cancel()
        for invocation in running { invocation.cancel() }
        reader.release()
        server.forget(self)
    }
}
