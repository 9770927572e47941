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
    private var expiry: UInt32 = 0
    private var waiting = Waiting.nothing
    private var waitingSince: UInt32 = 0
    /// The same for the client to take what is written, whatever it sends meanwhile; it begins when the socket is full and
    /// ends when all is written.
    private var writing: Pace?
    /// Of the body that is awaited.
    private var arriving: Pace?

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
    private var peerHasEnded = false
    private(set) var output: OutputBuffer?
    /// Bytes that the socket has taken.
    private var written = 0
    private var interest = Connection.firstInterest
    private var isInputPaused = false

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
    private static let mostAtOnce = 256 << 10
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
    private func readOn() {
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
            writing = nil
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
            let count = tls?.write(output.first, limit: Self.mostAtOnce) ?? gatherAndWrite(output)
            if count < 0 {
                guard errno == EAGAIN else {
                    if errno == EINTR { continue }
                    close()
                    return false
                }
                waitForRoom()
                return false
            }
            output.consume(count)
            written += count
            if output.count > 0, isOverdue {
                // If the socket takes more, the loop comes back at once.
                waitForRoom()
                return false
            }
        }
        return true
    }

    private func gatherAndWrite(_ output: OutputBuffer) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { vectors in
            let pieces = output.gather(vectors, limit: Self.mostAtOnce)
            return writev(descriptor, vectors.baseAddress, Int32(pieces))
        }
    }

    /// Bytes that the client's machine has taken: a socket may keep megabytes for it.
    private var taken: Int { written - SocketQueue.unsent(descriptor) }

    /// The client has to take some of the output first.
    private func waitForRoom() {
        if writing == nil { writing = Pace(at: server.tick, total: taken) }
        // Who takes a long answer is not idle.
        if waiting == .idle { wait(.nothing) }
        watch()
    }

    /// Tells the loop what to wait for, if that has changed.
    private func watch() {
        var wanted: UInt32 = 0
        if output != nil { wanted |= EPOLLOUT.rawValue }
        if phase == .reading, !isBackedUp { isInputPaused = false }
        if !isInputPaused, !isBackedUp, !peerHasEnded { wanted |= EPOLLIN.rawValue }
        if !peerHasEnded { wanted |= EPOLLRDHUP.rawValue }
        if phase == .reading, isBackedUp { wanted &= ~EPOLLRDHUP.rawValue }
        if let tls {
            if tls.wantsRoom { wanted |= EPOLLOUT.rawValue }
            if holdsInput, phase == .reading, wanted & EPOLLIN.rawValue != 0 { readOn() }
        }
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
            arriving = nil
        }
        let idle = server.idleTime
        let seconds: UInt32
        switch wanted {
        case .nothing:
            expiry = 0
            return
        case .idle: seconds = idle
        case .head: seconds = min(Patience.head, idle)
        case .body:
            var pace = arriving ?? Pace(at: server.tick)
            pace.note(total: progress, at: server.tick)
            arriving = pace
            expiry = pace.expiry
            return
        case .lingering: seconds = Patience.lingering
        }
        expiry = waitingSince &+ seconds &+ 1
    }

    /// Whether a time limit has passed, for the connection or one of its streams.
    func isDue(at tick: UInt32) -> Bool {
        expiry != 0 && expiry <= tick || (writing?.expiry ?? .max) <= tick
            || (http2?.nextExpiry ?? .max) <= tick
    }

    func expire() {
        guard phase != .closed else { return }
        if writing != nil {
            writing?.note(total: taken, at: server.tick)
            if let writing, writing.expiry <= server.tick { return close() }
        }
        beginTurn()
        if let http2 {
            http2.now = server.tick
            guard http2.expire() else { return close() }
            turnHTTP2()
        }
        guard expiry != 0, expiry <= server.tick else { return }
        switch waiting {
        case .head, .body:
            refuse(Problem(.requestTimeout, "requestTimeout", "the request did not arrive in time"))
        case .idle where http2 != nil: drain()
        case .nothing, .idle, .lingering: close()
        }
    }

    /// Seconds for which the client, and nobody else, has been awaited by a connection that holds memory; nil when it holds none
    /// or a request is being handled or answered.
    var slowness: UInt32? {
        guard phase == .reading, !isTurning, output == nil, invocation == nil, invocations.isEmpty else { return nil }
        guard http2?.awaitsClient ?? (waiting == .head || waiting == .body) else { return nil }
        return server.tick &- waitingSince
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
    private func linger() {
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
