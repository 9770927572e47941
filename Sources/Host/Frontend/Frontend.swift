public import Config
public import Dispatcher
public import Durable
public import Engines
public import Failure
public import Fleet
internal import Glibc
public import Identity
internal import Platform
public import Registry
internal import Synchronization
public import Traces
public import Transport

/// The node's HTTP side: accepts connections on every worker and serves the routes of Docs/http-api.md.
public final class Frontend: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `servers` is set once, in init; `listeners` is for the thread that starts and stops.
    public struct Settings: Sendable {
        /// Bytes of one request's body.
        public var maxBody: UInt64
        public var maxConnections: Int
        /// Nanoseconds after which a connection without a complete request is closed.
        public var idleTimeout: UInt64
        /// Whether a registration may name a file of this machine instead of carrying the image.
        public var allowsLocalPath: Bool
        /// Who may speak to the node.
        public var access: AccessSettings

        /// Who is who, for listeners that ask; nil where none does.
        public var authenticator: Authenticator?
        /// Nil where invocations end with their requests.
        public var durable: DurableInvocations?
        /// What this node keeps by itself, where `durable` is a fleet's; else nil.
        public var ownDurable: DurableInvocations?
        /// Nil where there are no plugins to ask about.
        public var plugins: (any PluginOperations)?
        /// Nil: requests are not logged.
        public var accessLog: AccessLog?
        /// Nil: traces are not even passed on.
        public var tracer: Tracer?
        public var audit: AuditTrail?
        /// Nil: the node is alone.
        public var fleet: FleetPlace?
        /// Nil where the node has no console.
        public var recent: RecentInvocations?

        public init(
            maxBody: UInt64, maxConnections: Int, idleTimeout: UInt64, allowsLocalPath: Bool,
            access: AccessSettings = AccessSettings(), authenticator: Authenticator? = nil,
            durable: DurableInvocations? = nil, ownDurable: DurableInvocations? = nil,
            plugins: (any PluginOperations)? = nil, accessLog: AccessLog? = nil,
            tracer: Tracer? = nil, audit: AuditTrail? = nil, fleet: FleetPlace? = nil, recent: RecentInvocations? = nil
        ) {
            self.maxBody = maxBody
            self.maxConnections = maxConnections
            self.idleTimeout = idleTimeout
            self.allowsLocalPath = allowsLocalPath
            self.access = access
            self.authenticator = authenticator
            self.durable = durable
            self.ownDurable = ownDurable
            self.plugins = plugins
            self.audit = audit
            self.accessLog = accessLog
            self.tracer = tracer
            self.fleet = fleet
            self.recent = recent
        }
    }

    private var servers: [Server] = []
    private let memory: MemoryMetrics
    private let router: Router
    private let settings: Settings
    private let pool: WorkerPool
    private var listeners: [Listener] = []

    public init(dispatcher: Dispatcher, catalogue: Catalogue, pool: WorkerPool, settings: Settings) {
        let router = Router(dispatcher: dispatcher, catalogue: catalogue, pool: pool, settings: settings)
        (memory, self.pool) = (router.numbers.memory, pool)
        (self.router, self.settings) = (router, settings)
        servers = pool.workers.map {
            Server(worker: $0, router: router, frontend: self, settings: settings)
        }
        pool.afterChange { [weak self] worker in self?.servers[worker.index].followKinds() }
    }

    /// Begins to accept on all workers, whose threads are running. Not from a worker's thread.
    /// - Returns: where connections are accepted, in the order of `wanted`; ports are those that were taken.
    /// - Throws: `.unavailable` naming the place.
    public func listen(
        _ wanted: [(settings: ListenerSettings, bound: ListeningSocket.Bound?)]
    ) throws(Failure) -> [ListenPlace] {
        for (settings, bound) in wanted {
            let gate = Gate(settings, self.settings.authenticator, router.access, router.dispatcher.admission)
            listeners.append(try Listener(settings, bound, gate))
        }
        memory.measureProgram(pool)
        for server in servers { server.loop.post { [listeners] in server.startAccepting(listeners) } }
        return listeners.map(\.place)
    }

    /// Has certificates read again; those that have not changed only if `always`. Not from a worker's thread.
    public func reloadCertificates(always: Bool) {
        for listener in listeners { listener.tls?.reload(always: always) }
    }

    /// Accepts no more, lets requests in progress finish for at most `drain` ns, then closes every connection.
    /// Not from a worker's thread.
    public func stop(drain: UInt64) {
        let deadline = Clock.now() &+ drain
        onEachServer { $0.drain() }
        for listener in listeners { close(listener.descriptor) }
        while connectionCount > 0, Clock.now() < deadline { Sleep.milliseconds(2) }
        onEachServer { $0.closeAll() }
    }

    /// Runs a job on every worker's loop and waits until all have.
    private func onEachServer(_ job: @escaping @Sendable (Server) -> Void) {
        let left = Countdown(servers.count)
        for server in servers {
            server.loop.post {
                job(server)
                left.value.subtract(1, ordering: .acquiringAndReleasing)
            }
        }
        while left.value.load(ordering: .acquiring) > 0 { Sleep.milliseconds(1) }
    }

    private final class Countdown: Sendable {
        let value: Atomic<Int>
        init(_ count: Int) { value = Atomic(count) }
    }

    /// Any thread.
    var connectionCount: Int { servers.reduce(0) { $0 + $1.count.load(ordering: .relaxed) } }

    /// Where connections are served and there are fewer of them than at `own`, by more than a number; anywhere when those of
    /// `own` are not served any more. Any thread.
    func lessLoaded(than own: Server, by number: Int) -> Server? {
        var most = own.worker.kind.communicates ? own.count.load(ordering: .relaxed) - number : Int.max
        var least: Server?
        for server in servers where server !== own && server.worker.kind.communicates {
            let count = server.count.load(ordering: .relaxed)
            if count < most { (most, least) = (count, server) }
        }
        return least
    }
}
