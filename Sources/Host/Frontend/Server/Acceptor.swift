internal import CPlatform
internal import Engines
internal import Glibc
internal import Platform
internal import Synchronization
internal import Telemetry

/// One worker's view of the listening socket.
final class Acceptor: EventSource {
    private unowned let server: Server
    private let listener: Listener
    /// Given up for a moment when descriptors run out, so that a client can be told instead of left waiting.
    private var reserve: Int32

    private static let acceptedPerEvent = 16
    private static let pause: UInt64 = 100_000_000

    init(_ listener: Listener, server: Server) {
        self.server = server
        self.listener = listener
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        super.init(descriptor: listener.descriptor, work: .accept)
    }

    deinit { close(reserve) }

    func start() {
        do { try server.loop.add(self, events: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue) } catch {
            Log.error("cannot accept connections: \(error)")
        }
    }

    func stop() { server.loop.remove(self) }

    override func ready(_ events: UInt32) {
        for _ in 0..<Self.acceptedPerEvent {
            let connection = cp_accept(descriptor)
            if connection >= 0 {
                server.take(connection, listener)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return relieve(errno)
            // The client was gone before it was accepted, or its network failed: accept(2) says to go on.
            default: continue
            }
        }
    }

    private static let lastTold = Atomic<UInt64>(0)

    /// Once a minute for the whole node, however often it happens.
    private static func tell(_ reason: Int32) {
        let now = Clock.now()
        let last = lastTold.load(ordering: .relaxed)
        guard last == 0 || now &- last >= 60_000_000_000,
            lastTold.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        Log.warning("no more connections for now: \(String(cString: strerror(reason))); this is told once a minute")
    }

    private func relieve(_ reason: Int32) {
        Self.tell(reason)
        close(reserve)
        let connection = cp_accept(descriptor)
        if connection >= 0 { server.turnAway(connection, listener) }
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        server.stopAccepting()
        server.loop.schedule(at: Clock.now() &+ Self.pause) { [server] in server.resumeAccepting() }
    }
}
