internal import Dispatcher
internal import Engines
internal import Glibc
internal import Items
internal import Platform
internal import Synchronization
internal import Telemetry

/// The front end of one worker: its connections, and what they share. All on the worker's loop, but for the atomics.
final class Server: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: everything but `count` is touched only by the holder of the worker's loop role.
    let worker: Worker
    let limits: Limits
    let settings: Frontend.Settings
    let buffers = BufferPool()
    let date = DateField()
    /// Frames are read to here: nghttp2 copies what it keeps.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Seconds since the start, for time limits that nobody measures exactly.
    private(set) var tick: UInt32 = 0
    private(set) var isStopping = false
    /// Connections of this worker.
    let count = Atomic<Int>(0)

    private let router: Router
    private unowned let frontend: Frontend
    private var acceptor: Acceptor?
    private var connections: [Connection] = []
    private var outputs: [OutputBuffer] = []
    private var isSweeping = false

    private static let second: UInt64 = 1_000_000_000

    init(
        worker: Worker, router: Router, frontend: Frontend, settings: Frontend.Settings, budget: MemoryBudget
    ) {
        self.worker = worker
        self.router = router
        self.frontend = frontend
        self.settings = settings
        limits = Limits(body: Int(clamping: min(settings.maxBody, 1 << 40)), budget: budget)
    }

    deinit { scratch.deallocate() }

    var loop: EventLoop { worker.loop }

    func handle(_ request: Request) { router.handle(request, on: worker) }

    // MARK: Connections

    func startAccepting(_ descriptor: Int32) {
        let acceptor = Acceptor(descriptor: descriptor, server: self)
        self.acceptor = acceptor
        acceptor.start()
    }

    func resumeAccepting() { if !isStopping { acceptor?.start() } }

    /// A connection was accepted: keeps it, or gives it to a worker that has clearly fewer.
    func take(_ descriptor: Int32) {
        guard frontend.connectionCount < settings.maxConnections else { return turnAway(descriptor) }
        let other = frontend.leastLoaded(self)
        if other !== self, other.count.load(ordering: .relaxed) + 4 < count.load(ordering: .relaxed) {
            other.loop.post { other.adopt(descriptor) }
        } else {
            adopt(descriptor)
        }
    }

    private func adopt(_ descriptor: Int32) {
        let connection = Connection(descriptor: descriptor, server: self, index: connections.count)
        do {
            try loop.add(connection, events: Connection.firstInterest)
        } catch {
            Log.warning("connection refused: \(error)")
            return turnAway(descriptor)
        }
        connections.append(connection)
        count.add(1, ordering: .relaxed)
        if isStopping { connection.drain() }
        if !isSweeping {
            isSweeping = true
            scheduleSweep()
        }
    }

    /// Tells a client that there is no room and closes.
    func turnAway(_ descriptor: Int32) {
        // Closing with unread bytes would send a reset, which can overtake the answer.
        _ = read(descriptor, scratch.baseAddress, scratch.count)
        let text: StaticString =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
        _ = send(descriptor, text.utf8Start, text.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
        close(descriptor)
    }

    /// The connection has closed its descriptor.
    func forget(_ connection: Connection) {
        let last = connections.removeLast()
        if last !== connection {
            connections[connection.index] = last
            last.index = connection.index
        }
        count.subtract(1, ordering: .relaxed)
    }

    // MARK: Time

    private func scheduleSweep() { loop.schedule(at: Clock.now() &+ Self.second) { [self] in sweep() } }

    private func sweep() {
        tick &+= 1
        for connection in connections where connection.expiry != 0 && connection.expiry <= tick { connection.expire() }
        isSweeping = !connections.isEmpty
        if isSweeping { scheduleSweep() }
    }

    // MARK: Buffers

    func takeOutput() -> OutputBuffer { outputs.popLast() ?? OutputBuffer() }

    func giveOutput(_ output: OutputBuffer) {
        output.reset()
        if outputs.count < 64 { outputs.append(output) }
    }

    // MARK: End

    /// Accepts no more; connections end after the requests that are being handled.
    func drain() {
        isStopping = true
        acceptor?.stop()
        acceptor = nil
        for connection in connections { connection.drain() }
    }

    func closeAll() { for connection in connections { connection.close() } }
}
