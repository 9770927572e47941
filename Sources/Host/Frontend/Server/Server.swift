internal import Dispatcher
internal import Engines
internal import Glibc
internal import Items
internal import Memory
internal import Platform
internal import Synchronization
internal import Telemetry

/// The front end of one worker: its connections, and what they share. All on the worker's loop, but for the atomics.
final class Server: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: everything but `count` is touched only by the holder of the worker's loop role.
    let worker: Worker
    let limits: Limits
    private let mostConnections: Int
    /// Seconds.
    let idleTime: UInt32
    let buffers: BufferPool
    let date = DateField()
    var ids = RequestIDs()
    let observer: RequestObserver
    /// Frames are read to here: nghttp2 copies what it keeps.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Seconds since the start, for time limits that nobody measures exactly.
    private(set) var tick: UInt32 = 0
    /// How many requests were noted since the tick.
    private var noted = 0
    private var notedAt: UInt32 = 0
    private(set) var isStopping = false
    /// Connections of this worker.
    let count = Atomic<Int>(0)

    private let router: Router
    private unowned let frontend: Frontend
    private var acceptors: [Acceptor] = []
    private var connections: [Connection] = []
    private var outputs: [OutputBuffer] = []
    private var isSweeping = false
    private var listeners: [Listener] = []
    /// Connections may have to move to another worker.
    private(set) var isShedding = false

    private static let connected = Metrics.shared.cell(
        "dandelion_connections", "Connections of clients.", .gauge)
    private static let second: UInt64 = 1_000_000_000
    /// Connections that are ended, or moved, by one job.
    private static let mostAtOnce = 8
    private static let mostLookedAt = 64

    init(
        worker: Worker, router: Router, frontend: Frontend, settings: Frontend.Settings
    ) {
        self.worker = worker
        self.router = router
        self.frontend = frontend
        mostConnections = settings.maxConnections
        idleTime = UInt32(clamping: settings.idleTimeout / 1_000_000_000 + 1)
        observer = RequestObserver(settings)
        buffers = BufferPool(worker.pool.budget.own)
        limits = Limits(
            body: Int(clamping: min(settings.maxBody, 1 << 40)), budget: worker.pool.budget,
            account: { head in router.account(head) }, admit: { head throws(Problem) in try router.admit(head) })
    }

    deinit { scratch.deallocate() }

    var loop: EventLoop { worker.loop }

    /// Whether a request may be noted for those who look on: some in each second.
    func mayNote() -> Bool {
        if notedAt != tick { (notedAt, noted) = (tick, 0) }
        guard noted < RecentInvocations.pace else { return false }
        noted += 1
        return true
    }

    func handle(_ request: Request) {
        loop.begins(.request)
        router.handle(request, on: worker)
    }

    var access: AccessPolicy { router.access }

    // MARK: Connections

    func startAccepting(_ listeners: [Listener]) {
        self.listeners = listeners
        resumeAccepting()
    }

    func resumeAccepting() {
        guard !isStopping, acceptors.isEmpty, worker.kind.communicates else { return }
        acceptors = listeners.map { Acceptor($0, server: self) }
        for acceptor in acceptors { acceptor.start() }
    }

    func stopAccepting() {
        for acceptor in acceptors { acceptor.stop() }
        acceptors = []
    }

    /// A connection was accepted: keeps it, or gives it to a worker that has clearly fewer.
    func take(_ descriptor: Int32, _ listener: Listener) {
        guard frontend.connectionCount < mostConnections else { return turnAway(descriptor, listener) }
        if let other = frontend.lessLoaded(than: self, by: 4) {
            other.loop.post { other.adopt(descriptor, listener) }
        } else {
            adopt(descriptor, listener)
        }
    }

    private func adopt(_ descriptor: Int32, _ listener: Listener) {
        guard
            let connection = Connection(
                descriptor: descriptor, listener: listener, server: self, index: connections.count)
        else { return turnAway(descriptor, listener) }
        do {
            try loop.add(connection, events: Connection.firstInterest)
        } catch {
            Log.warning("connection refused: \(error)")
            return turnAway(descriptor, listener)
        }
        count.add(1, ordering: .relaxed)
        Self.connected.add(1)
        keep(connection)
    }

    private func keep(_ connection: Connection) {
        connections.append(connection)
        if isStopping { connection.drain() }
        if !isSweeping {
            isSweeping = true
            scheduleSweep()
        }
    }

    /// Tells a client that there is no room, if that takes no handshake, and closes.
    func turnAway(_ descriptor: Int32, _ listener: Listener) {
        defer { close(descriptor) }
        guard listener.tls == nil else { return }
        // Closing with unread bytes would send a reset, which can overtake the answer.
        _ = read(descriptor, scratch.baseAddress, scratch.count)
        let text: StaticString =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
        _ = send(descriptor, text.utf8Start, text.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
    }

    /// The connection has closed its descriptor.
    func forget(_ connection: Connection) {
        drop(connection)
        count.subtract(1, ordering: .relaxed)
        Self.connected.add(-1)
    }

    /// Connections hold as much memory as they may: closes the one, of some taken at random, whose client keeps it waiting for
    /// the longest. Those that send requests as a whole are never in this state.
    func dropSlowest(but own: Connection) {
        var slowest: (connection: Connection, seconds: UInt32)?
        for _ in 0..<Self.mostLookedAt {
            guard let any = connections.randomElement(), any !== own, let seconds = any.slowness else { continue }
            if seconds >= slowest?.seconds ?? 0 { slowest = (any, seconds) }
        }
        slowest?.connection.close()
    }

    private func drop(_ connection: Connection) {
        let last = connections.removeLast()
        if last !== connection {
            connections[connection.index] = last
            last.index = connection.index
        }
    }

    // MARK: Moving to other workers

    /// Cores have changed their kinds: accepts or not, and moves connections to where they are served now.
    func followKinds() {
        guard !isStopping else { return }
        if worker.kind.communicates { resumeAccepting() } else { stopAccepting() }
        isShedding = true
        forEach(where: { [self] _ in isShedding }) { [self] in shed($0) }
    }

    /// Does something with connections of this worker, a few at a time, between which the loop looks after others; from the last to
    /// the first, so that whatever takes the place of one that goes has had its turn. By place: a connection that was remembered
    /// could be another worker's by then.
    private func forEach(
        below end: Int = .max, where isWanted: @escaping @Sendable (Connection) -> Bool,
        _ action: @escaping @Sendable (Connection) -> Void
    ) {
        loop.begins(.sweep)
        var index = min(end, connections.count)
        var done = 0
        while index > 0, done < Self.mostAtOnce {
            index -= 1
            guard index < connections.count, isWanted(connections[index]) else { continue }
            action(connections[index])
            done += 1
        }
        guard index > 0 else { return }
        loop.post { [self, index] in forEach(below: index, where: isWanted, action) }
    }

    /// Moves a connection, if it is between two requests and there is a better place for it.
    func shed(_ connection: Connection) {
        guard isShedding, !isStopping else { return }
        guard let other = frontend.lessLoaded(than: self, by: 1) else {
            isShedding = false
            return
        }
        guard connection.isBetweenRequests else { return }
        drop(connection)
        loop.remove(connection)
        // Counted before it is there, so that not all go to the same place.
        count.subtract(1, ordering: .relaxed)
        other.count.add(1, ordering: .relaxed)
        other.loop.post { other.welcome(connection) }
    }

    private func welcome(_ connection: Connection) {
        do {
            try connection.move(to: self, index: connections.count)
            keep(connection)
        } catch {
            Log.warning("connection lost: \(error)")
            count.subtract(1, ordering: .relaxed)
            Self.connected.add(-1)
            close(connection.descriptor)
        }
    }

    // MARK: Time

    private func scheduleSweep() { loop.schedule(at: Clock.now() &+ Self.second) { [self] in sweep() } }

    private func sweep() {
        tick &+= 1
        forEach(where: { [tick] in $0.isDue(at: tick) }) { $0.expire() }
        isSweeping = !connections.isEmpty
        if isSweeping { scheduleSweep() }
    }

    // MARK: Buffers

    func takeOutput() -> OutputBuffer { outputs.popLast() ?? OutputBuffer(limits.budget.own) }

    func giveOutput(_ output: OutputBuffer) {
        output.reset()
        if outputs.count < 64 { outputs.append(output) }
    }

    // MARK: End

    /// Accepts no more; connections end after the requests that are being handled.
    func drain() {
        isStopping = true
        stopAccepting()
        forEach(where: { _ in true }) { $0.drain() }
    }

    func closeAll() { for connection in connections { connection.close() } }
}
