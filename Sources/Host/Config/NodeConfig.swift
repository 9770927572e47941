public import Values

/// Everything that a config file says, checked.
public struct NodeConfig: Sendable {
    /// The file as the user named it, or what messages call the built-in config.
    public var file: String
    /// Whether this is the config that is compiled in, which no file can change.
    var isBuiltIn = false
    /// The whole text, for excerpts.
    var text: String
    public var node: NodeSettings
    /// Where connections are accepted; never empty.
    public var listeners: [ListenerSettings]
    public var access: AccessSettings
    public var authentication: AuthenticationSettings
    public var accessLog: AccessLogSettings
    public var traces: TraceSettings
    public var audit: AuditSettings
    public var control: ControlSettings
    public var durable: DurableSettings
    /// In the order of the file, as are the others.
    public var plugins: [PluginConfig]
    public var functions: [CommunicationFunction]
    public var classes: [FunctionClass]
    public var tenants: [TenantConfig]
    /// Nil: the node is alone.
    public var fleet: FleetSettings?

    /// Names of classes are the same in any case.
    public func functionClass(named name: String) -> FunctionClass? {
        classes.first { $0.name.value.lowercased() == name.lowercased() }
    }
}

/// The table `[node]`.
public struct NodeSettings: Sendable {
    /// Folder of what is registered; relative to the working directory.
    public var state: String
    /// File of the key that secrets are sealed with; nil = beside the state folder (`secretsKey`).
    var secretsKeyFile: String?
    /// Whose rights the node works with, a name or a number; nil = those of who started it.
    public var user: Located<String>?
    /// Folder that relative plugin paths start from; nil = beside the executable.
    public var pluginDirectory: String?
    public var cores: CorePolicy
    /// Bytes of one request's body.
    public var maxBody: UInt64
    public var maxConnections: Int
    /// Nanoseconds after which a connection without a complete request is closed.
    public var idleTimeout: UInt64
    /// Nanoseconds that running requests get when the node is told to stop.
    public var drainTimeout: UInt64
    public var log: LogThreshold
    public var logLines: LogLines
    /// Whether there is a page for people to look on and invoke.
    public var console: Bool
    /// Whether a registration may name a file of this machine instead of carrying the image.
    public var localPath: Bool
    /// Bytes of loaded images kept in memory.
    public var imageCache: UInt64
    /// Bytes for sandboxes, bodies and outputs together; nil = a share of what the machine gives.
    public var memory: UInt64?
    /// Nanoseconds that a request may be expected to wait for an engine.
    public var queueDelay: UInt64
    /// Requests in progress at once.
    public var maxRequests: Int
    /// Nanoseconds for a composition whose request names no time.
    public var defaultTimeout: UInt64
    /// Sandboxes of one request.
    public var maxSandboxes: Int
    /// Requests of communication functions for one request.
    public var maxOutgoingRequests: Int
    /// Versions of each name that are kept beside the newest, and those that something points to.
    public var keepVersions: Int
}

extension NodeSettings {
    /// File of the key that secrets are sealed with.
    public var secretsKey: String { secretsKeyFile ?? Self.secretsKey(beside: state) }

    /// Where the secrets' key is unless the config says another place: beside the state folder.
    public static func secretsKey(beside state: String) -> String {
        (state.hasSuffix("/") ? String(state.dropLast()) : state) + ".key"
    }
}

/// The table `[control]`: how cores move between computing and communicating.
public struct ControlSettings: Sendable {
    /// Nanoseconds between two looks at the queues.
    public var interval: UInt64
    /// Gains, per task or event that waits for each core of a kind.
    public var kp: Double
    public var ki: Double
    /// A signal at most this far from zero moves nothing.
    public var deadBand: Double
    /// What is measured of event loops' turns.
    public var loopClock: LoopClock

    public init(
        interval: UInt64 = 30_000_000, kp: Double = 0.5, ki: Double = 0.25, deadBand: Double = 2,
        loopClock: LoopClock = .elapsed
    ) {
        self.interval = interval
        self.kp = kp
        self.ki = ki
        self.deadBand = deadBand
        self.loopClock = loopClock
    }
}

/// What `dandelion_loop_turn_seconds` counts.
public enum LoopClock: String, Sendable, CaseIterable {
    /// What others wait, also because the machine is busy with something else.
    case elapsed
    /// What the loops themselves do.
    case processor
}

/// Messages of lower levels are not kept.
public enum LogThreshold: String, Sendable, CaseIterable {
    case trace, debug, info, warning, error, critical
}

/// Where to accept connections.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// An IPv4 or IPv6 address, or a host name; IPv6 without brackets.
    public var host: String
    /// 0 = any free port.
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; nil when `text` has another form.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            text[text.index(after: colon)...].utf8.first != UInt8(ascii: "+")
        else { return nil }
        var host = text[..<colon]
        if host.first == "[" {
            guard host.last == "]" else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" || $0 == "[" || $0 == "]" }) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Which of the CPUs that the process may use do the work.
public enum CorePolicy: Sendable, Equatable {
    case all
    /// The first of them.
    case count(Int)
    /// These, by the kernel's numbers.
    case list([Int])
}

/// A table `[plugins.NAME]`.
public struct PluginConfig: Sendable {
    public var name: Located<String>
    /// As written; see `resolvedPath`.
    public var path: Located<String>
    /// Lower-case hexadecimal digest that the file must have.
    public var sha256: Located<String>?
    /// The subtable `config`, which the plugin's schema judges; an empty table when absent.
    public var config: ParsedValue

    /// Absolute paths stay, others start at `directory`.
    public func resolvedPath(in directory: String) -> String {
        path.value.hasPrefix("/") ? path.value : "\(directory)/\(path.value)"
    }
}

/// A table `[functions.NAME]`: a communication function that compositions can call by this name.
public struct CommunicationFunction: Sendable {
    public var name: Located<String>
    /// Name of a table in `[plugins]`.
    public var plugin: Located<String>
    /// One of the protocols that the plugin offers.
    public var protocolName: Located<String>
    /// Nanoseconds for one request.
    public var timeout: UInt64
    /// Bytes of one answer.
    public var maxResponse: UInt64
    public var egress: EgressConfig
}

/// A table `[classes.NAME]`: how the functions registered into it are run.
public struct FunctionClass: Sendable {
    public var name: Located<String>
    /// Names of tables in `[plugins]`; the first that is available on this machine serves.
    public var backends: [Located<String>]
    /// Names of tables in `[plugins]` that make images for the backends out of formats that these do not know.
    public var translators: [Located<String>]
    /// The most memory, in bytes, that a function of the class can ask for.
    public var memoryLimit: UInt64
    /// Nanoseconds after which a running function is stopped.
    public var timeout: UInt64
    public var cores: CorePolicy
    public var inline: InlinePolicy
    public var waiting: WaitingPolicy
    /// The node counts as ready although no backend of the class works.
    public var optional: Bool
}

/// Whether the thread that read a request runs the function itself.
public enum InlinePolicy: String, Sendable, CaseIterable {
    /// Yes, and another thread takes the event loop over when the run takes long.
    case auto
    /// No: functions of the class wait in a queue.
    case never
}

/// What an engine does after a function of a class, while none waits.
public enum WaitingPolicy: Sendable, Equatable {
    /// Sleep.
    case park
    /// Look for one for so many nanoseconds, then sleep.
    case spinThenPark(UInt64)
    /// Look for one until the class has not been used for a second.
    case spin

    /// Nanoseconds to look for work.
    public var spin: UInt64 {
        switch self {
        case .park: 0
        case .spinThenPark(let time): time
        case .spin: Self.longestSpin
        }
    }

    /// An idle node does not spin.
    public static let longestSpin: UInt64 = 1_000_000_000
}
