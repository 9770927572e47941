internal import CPlatform
public import Config
internal import Dispatcher
internal import Engines
public import Failure
internal import Frontend
internal import Glibc
internal import Platform
internal import Registry
internal import Telemetry

/// A running worker node.
public final class Node {
    private let config: NodeConfig
    private let assembly: Assembly
    private let frontend: Frontend
    private let signals: Int32
    private let desk = ControlDesk()

    /// Starts the node: plugins, engines, what was registered before, and the listener.
    ///
    /// Call from the main thread, before any other thread exists: SIGTERM and SIGINT are blocked for all of them.
    /// - Throws: `Failure` when the node cannot serve; a plugin that is unavailable is only logged.
    public init(_ config: NodeConfig, _ plugins: PluginSet) throws(Failure) {
        self.config = config
        if let level = LogLevel(name: config.node.log.rawValue) { Log.setLevel(level) }
        signal(SIGPIPE, SIG_IGN)
        Self.raiseDescriptorLimit()
        cp_return_large_blocks(1 << 20)
        signals = cp_signal_fd(StopSignals.all + [SIGHUP], Int32(StopSignals.all.count + 1))
        guard signals >= 0 else { throw Failure(.internal, "signalfd: \(String(cString: strerror(errno)))") }
        assembly = try Assembly(config, plugins, stateDirectory: config.node.state)
        frontend = Frontend(
            dispatcher: Dispatcher(catalogue: assembly.catalogue, admission: Assembly.admission(config)),
            catalogue: assembly.catalogue, pool: assembly.pool,
            settings: .init(
                maxBody: config.node.maxBody, maxConnections: config.node.maxConnections,
                idleTimeout: config.node.idleTimeout, allowsLocalPath: config.node.localPath,
                plugins: PluginDesk(desk: desk, control: assembly.plugins)))
    }

    /// Serves until SIGTERM, SIGINT or SIGQUIT, then drains and returns.
    /// - Parameter ready: told the port once connections are accepted.
    public func serve(ready: (UInt16) -> Void) throws(Failure) {
        do { try assembly.pool.start(preparing: assembly.backends) } catch {
            throw Failure(.internal, "\(error)")
        }
        assembly.catalogue.restore()
        let address = config.node.listen
        let port = try frontend.listen(host: address.host, port: address.port)
        Log.info("serving on \(address.host):\(port)")
        ready(port)
        attendUntilStopped()
        desk.close()
        frontend.stop(drain: config.node.drainTimeout)
        assembly.pool.stop()
        Log.info("stopped")
    }

    /// Changes plugins as clients and SIGHUP order, until a signal asks for the end.
    private func attendUntilStopped() {
        let plugins = assembly.plugins
        while true {
            var watched = [signals, desk.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            // Nobody says when the last user of an earlier generation is gone.
            _ = poll(&watched, 2, plugins.isDraining ? 50 : -1)
            while let signal = nextSignal() {
                guard signal == SIGHUP else { return Log.info("stopping: a signal asked for it") }
                plugins.reloadChanged()
            }
            desk.serve { name throws(Failure) in try plugins.reload(name) }
            if plugins.isDraining {
                assembly.pool.dropRetired()
                plugins.drain()
            }
        }
    }

    private func nextSignal() -> Int32? {
        let signal = cp_next_signal(signals)
        return signal > 0 ? signal : nil
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
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

/// What asks the node to stop. They are blocked in every thread and read from a descriptor when the main thread comes to it.
enum StopSignals {
    static let all = [SIGTERM, SIGINT, SIGQUIT]

    /// Whether one waits to be read: what takes long on the main thread is to be given up.
    static var arePending: Bool {
        var waiting = sigset_t()
        return sigpending(&waiting) == 0 && all.contains { sigismember(&waiting, $0) == 1 }
    }
}
