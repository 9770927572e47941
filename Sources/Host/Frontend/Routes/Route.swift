internal import Config

/// What a path means, as far as its beginning says. Whoever may do what is decided by it (`need`), and nothing is served that is
/// not one of these.
enum Route: CaseIterable {
    case greeting, invokeDocument, invokeFresh, invoke
    case registerFunction, registerComposition
    case functions, function, compositions, composition, aliases, alias
    case health, readiness, metrics, statistics
    case plugins, plugin
    case invocations, invocation
    case schedules, schedule
    case nodes, content, payload
    case console, description, recent

    /// By the bytes of the path: no text is made of it on the way to `/hot`.
    init?(_ path: Bytes) {
        if path.hasPrefix("/hot/") {
            self = .invokeDocument
        } else if path.hasPrefix("/cold/") {
            self = .invokeFresh
        } else if path.hasPrefix("/v1/") {
            self.init(plain: path.part("/v1/".utf8.count..<path.count))
        } else if path.count <= 1 {
            self = .greeting
        } else if path.hasPrefix("/console") {
            self = .console
        } else if let known = Self.whole.first(where: { path.equals($0.path) }) {
            self = known.route
        } else {
            return nil
        }
    }

    /// Its path, with what varies between braces.
    var template: StaticString {
        switch self {
        case .greeting: "/"
        case .invokeDocument: "/hot/{any}"
        case .invokeFresh: "/cold/{any}"
        case .invoke: "/v1/invoke/{name}"
        case .registerFunction: "/register/function"
        case .registerComposition: "/register/composition"
        case .functions: "/v1/functions"
        case .function: "/v1/functions/{name}"
        case .compositions: "/v1/compositions"
        case .composition: "/v1/compositions/{name}"
        case .aliases: "/v1/aliases"
        case .alias: "/v1/aliases/{name}"
        case .health: "/healthz"
        case .readiness: "/readyz"
        case .metrics: "/metrics"
        case .statistics: "/stats"
        case .plugins: "/v1/plugins"
        case .plugin: "/v1/plugins/{name}/reload"
        case .invocations: "/v1/invocations"
        case .invocation: "/v1/invocations/{id}"
        case .schedules: "/v1/schedules"
        case .schedule: "/v1/schedules/{name}"
        case .nodes: "/v1/nodes"
        case .content: "/v1/contents/{digest}"
        case .payload: "/v1/payloads/{name}"
        case .console: "/console"
        case .description: "/v1/openapi.json"
        case .recent: "/v1/recent"
        }
    }

    private init?(plain rest: Bytes) {
        let slash = rest.firstIndex(of: ASCII.slash, from: 0)
        let collection = rest.part(0..<(slash ?? rest.count))
        switch (collection.count, slash == nil) {
        case (6, false) where collection.equals("invoke"): self = .invoke
        case (9, false) where collection.equals("functions"): self = .function
        case (9, true) where collection.equals("functions"): self = .functions
        case (12, false) where collection.equals("compositions"): self = .composition
        case (12, true) where collection.equals("compositions"): self = .compositions
        case (7, false) where collection.equals("aliases"): self = .alias
        case (7, true) where collection.equals("aliases"): self = .aliases
        case (7, false) where collection.equals("plugins"): self = .plugin
        case (7, true) where collection.equals("plugins"): self = .plugins
        case (11, false) where collection.equals("invocations"): self = .invocation
        case (11, true) where collection.equals("invocations"): self = .invocations
        case (9, false) where collection.equals("schedules"): self = .schedule
        case (9, true) where collection.equals("schedules"): self = .schedules
        case (5, true) where collection.equals("nodes"): self = .nodes
        case (8, false) where collection.equals("contents"): self = .content
        case (8, false) where collection.equals("payloads"): self = .payload
        case (12, true) where collection.equals("openapi.json"): self = .description
        case (6, true) where collection.equals("recent"): self = .recent
        default: return nil
        }
    }

    private static let whole: [(path: StaticString, route: Route)] = [
        ("/register/function", .registerFunction), ("/register/composition", .registerComposition),
        ("/healthz", .health), ("/readyz", .readiness), ("/metrics", .metrics), ("/stats", .statistics),
    ]

    // MARK: Who may

    /// What a request must have to get there.
    struct Need: Equatable {
        /// Of a listener's.
        var part: ServedParts
        /// Nil: anybody may, where there is authentication, too.
        var role: Roles?
    }

    /// What a request needs; the same for every method that the route does not have as for the one that needs most.
    func need(_ method: Method) -> Need {
        let looks = method == .get || method == .head
        return switch self {
        case .greeting, .health, .description: Need(part: .all, role: nil)
        case .console: Need(part: .watch, role: nil)
        case .invokeDocument, .invokeFresh, .invoke, .invocations, .invocation, .schedules, .schedule:
            Need(part: .invoke, role: .invoke)
        case .registerFunction, .registerComposition: Need(part: .register, role: .register)
        case .functions, .compositions, .aliases: Need(part: .watch, role: .read)
        case .function, .composition, .alias:
            looks ? Need(part: .watch, role: .read) : Need(part: .register, role: .register)
        case .readiness, .metrics, .statistics, .plugins, .nodes, .content, .recent:
            Need(part: .watch, role: .administer)
        // Tenants' data, for other nodes: not where anybody may look on.
        case .payload: Need(part: .invoke, role: .administer)
        case .plugin: Need(part: .register, role: .administer)
        }
    }
}
