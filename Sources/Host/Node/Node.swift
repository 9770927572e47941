public import Config
internal import Dispatcher
internal import Durable
internal import Engines
public import Failure
internal import Fleet
internal import Frontend
internal import Glibc
internal import Identity
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Telemetry
internal import Traces
internal import Transport

/// A running worker node.
public final class Node {
    private let config: NodeConfig
    private let assembly: Assembly
    private let accounts: AccountBook
    private let frontend: Frontend
    private let authenticator: Authenticator?
    private let accessLog: AccessLog?
    /// Nil where invocations end with their requests.
    private let durable: DurableInvocations?
    /// Nil: `durable` is the only one, or there is none.
    private let ownDurable: DurableInvocations?
    private let tracer: Tracer
    private let audit: AuditLog?
    private let secrets: SecretDesk
    private let start: NodeStart
    private let desk = ControlDesk()
    /// Nil: the node is alone.
    private let membership: Membership?

    /// Starts the node: plugins, engines, what was registered before, and the listener.
    ///
    /// Call from the main thread.
    /// - Parameter start: made before the plugins were loaded.
    /// - Throws: `Failure` when the node cannot serve; a plugin that is unavailable is only logged.
    public init(_ config: NodeConfig, _ plugins: PluginSet, _ start: NodeStart) throws(Failure) {
        self.config = config
        self.start = start
        accessLog = try AccessLog(config.accessLog)
        tracer = try Tracer(config.traces)
        audit = try config.audit.path.map { (path) throws(Failure) in try AuditLog(path: path) }
        Metrics.shared.cell(
            "dandelion_build_info", "1, with what runs in its labels.", .gauge,
            labels: ["version": PlatformVersion.text, "abi": PlatformVersion.abi]
        ).set(1)
        try Self.raiseDescriptorLimit()
        Heap.returnBlocks(from: 1 << 20)
        assembly = try Assembly(config, plugins, stateDirectory: config.node.state)
        authenticator = try Self.authenticator(config)
        secrets = try SecretDesk(config)
        let admission = Assembly.admission(config, assembly.pool.budget)
        accounts = try AccountBook(admission, state: config.node.state)
        let dispatcher = Dispatcher(
            catalogue: assembly.catalogue, admission: admission, limits: Assembly.limits(config))
        membership = Membership(config, assembly, admission)
        let pool = assembly.pool
        func invocations(_ fleet: FleetPlace?) -> DurableInvocations {
            DurableInvocations(
                config.durable, folder: config.node.state, dispatcher: dispatcher, pool: pool, fleet: fleet,
                queues: config.fleet?.queues ?? [])
        }
        durable = config.durable.enabled ? invocations(membership?.place) : nil
        ownDurable = config.durable.enabled && membership != nil ? invocations(nil) : nil
        frontend = Frontend(
            dispatcher: dispatcher, catalogue: assembly.catalogue, pool: assembly.pool,
            settings: .init(
                maxBody: config.node.maxBody, maxConnections: config.node.maxConnections,
                idleTimeout: config.node.idleTimeout, allowsLocalPath: config.node.localPath,
                access: config.access, authenticator: authenticator, durable: durable,
                ownDurable: ownDurable, plugins: PluginDesk(desk: desk, control: assembly.plugins),
                accessLog: accessLog, tracer: tracer,
                audit: audit.map { AuditTrail($0, invocations: config.audit.invocations) },
                fleet: membership?.place, recent: config.node.console ? RecentInvocations() : nil))
    }

    /// Serves until SIGTERM, SIGINT or SIGQUIT, then drains and returns.
    /// - Parameter ready: called once connections are accepted.
    public func serve(ready: () -> Void) throws(Failure) {
        let heap = assembly.pool.budget.heap
        do {
            try assembly.pool.start(preparing: assembly.backends)
            try heap.start()
            try accounts.start()
        } catch {
            throw Failure(.internal, "\(error)")
        }
        let catalogue = assembly.catalogue
        catalogue.restore()
        _ = HelperThreads.shared.submit { catalogue.restoreSnapshots() }
        ownDurable?.start()
        durable?.start()
        let places = try frontend.listen(zip(config.listeners, start.sockets).map { ($0, $1) })
        for (place, settings) in zip(places, config.listeners) {
            Log.info("serving on \(place)")
            if let reason = settings.warning { Log.warning("insecure: \(reason)") }
        }
        audit?.add(AuditLog.Event("start", result: config.file))
        membership?.join(zip(places, config.listeners).map { ($0, $1) })
        let manager = ServiceManager()
        ready()
        manager?.tell("READY=1\nSTATUS=serving on \(places.map { "\($0)" }.joined(separator: ", "))")
        attendUntilStopped(Watchdog(manager, assembly.pool.workers))
        manager?.tell("STOPPING=1\nSTATUS=ending what has begun")
        desk.close()
        let deadline = Clock.now() &+ config.node.drainTimeout
        membership?.drain()
        durable?.beginStopping()
        ownDurable?.beginStopping()
        frontend.stop(drain: config.node.drainTimeout)
        durable?.stop(until: deadline)
        ownDurable?.stop(until: deadline)
        membership?.leave()
        Turns.shared.close()
        assembly.pool.stop()
        accounts.stop()
        accessLog?.stop()
        tracer.stop()
        audit?.add(AuditLog.Event("stop", result: "a signal asked for it"))
        audit?.stop()
        heap.stop()
        Log.info("stopped")
    }

    /// Changes plugins as clients and SIGHUP order, until a signal asks for the end.
    private func attendUntilStopped(_ watchdog: Watchdog?) {
        let plugins = assembly.plugins
        let signals = start.signals
        var again = ConfigAgain(config)
        let files = FileWatch(
            folders: (config.listeners.flatMap { $0.tls?.files ?? [] } + (authenticator?.files ?? []) + [secrets.path])
                .map(FileWatch.folder))
        while true {
            var watched = [signals.descriptor, desk.descriptor, files.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            // Nothing signals that the last user of an earlier generation is gone, so it is looked for.
            let wait = watchdog?.wait ?? -1
            _ = poll(&watched, nfds_t(watched.count), plugins.isDraining ? (wait < 0 ? 50 : min(wait, 50)) : wait)
            watchdog?.attend()
            while let signal = signals.next() {
                switch signal {
                case SIGHUP:
                    let result = again.read(plugins)
                    audit?.add(AuditLog.Event("reload", result: result))
                    reloadFiles(always: true)
                case SIGUSR1:
                    accessLog?.reopen()
                    audit?.reopen()
                default: return Log.info("stopping: a signal asked for it")
                }
            }
            if files.take() { reloadFiles(always: false) }
            desk.serve { name throws(Failure) in try plugins.reload(name) }
            if plugins.isDraining {
                assembly.pool.dropRetired()
                plugins.drain()
            }
        }
    }

    /// Reads certificates, keys and tokens again.
    private func reloadFiles(always: Bool) {
        frontend.reloadCertificates(always: always)
        for change in secrets.reload() {
            var event = AuditLog.Event("secret", result: change.isSet ? "set" : "removed")
            event.tenant = change.secret.tenant
            event.target = change.secret.name
            audit?.add(event)
        }
        for change in authenticator?.reload() ?? [] {
            var event = AuditLog.Event("token", result: change.isNew ? "made" : "revoked")
            event.tenant = change.token.tenant
            event.target = change.token.number
            audit?.add(event)
        }
    }

    /// Nil where no listener asks who somebody is.
    private static func authenticator(_ config: NodeConfig) throws(Failure) -> Authenticator? {
        guard config.listeners.contains(where: \.authenticates) else { return nil }
        return try Authenticator(config.authentication, try TokenFolder(state: config.node.state))
    }

    /// - Throws: `.unavailable` when there would be none for connections: workers and sandboxes need many.
    private static func raiseDescriptorLimit() throws(Failure) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let needed = 128 + 32 * Thread.allowedCores().count
        guard limit.rlim_max >= rlim_t(needed) else {
            throw Failure(
                .unavailable,
                "this process may open \(limit.rlim_max) files, and \(needed) are needed on this machine: raise the limit "
                    + "(ulimit -n, LimitNOFILE)")
        }
    }
}

/// The front end's way to the plugins.
private final class PluginDesk: PluginOperations, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: of `control`, only `facts` is used here, which is for any thread.
    private let desk: ControlDesk
    private let control: PluginControl

    init(desk: ControlDesk, control: PluginControl) {
        self.desk = desk
        self.control = control
    }

    func plugins() -> [PluginFacts] { control.facts }
    func reload(_ name: String) throws(Failure) -> PluginFacts { try desk.reload(name) }
}
