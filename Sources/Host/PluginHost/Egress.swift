internal import Synchronization

/// Where requests may go; nil = anywhere that the plugin's own settings allow.
public struct EgressRule: Sendable, Equatable {
    /// Names and addresses in lower case; "*.example.org" is every name below that one.
    public var hosts: [String]?
    public var methods: [String]?
    public var ports: [UInt16]?

    public init(hosts: [String]? = nil, methods: [String]? = nil, ports: [UInt16]? = nil) {
        (self.hosts, self.methods, self.ports) = (hosts, methods, ports)
    }

    var boundsNothing: Bool { hosts == nil && methods == nil && ports == nil }

    /// Why it is refused; nil when it is not.
    func refusal(_ to: EgressTarget) -> String? {
        if let hosts, !hosts.contains(where: { Self.matches($0, to.host) }) { return "the host '\(to.host)'" }
        if let ports, !ports.contains(to.port) { return "the port \(to.port)" }
        if let methods, !methods.contains(to.method) { return "the method '\(to.method)'" }
        return nil
    }

    private static func matches(_ pattern: String, _ host: String) -> Bool {
        guard pattern.hasPrefix("*.") else { return pattern == host }
        return host.count > pattern.count - 1 && host.hasSuffix(pattern.dropFirst())
    }
}

/// Where a request would go.
public struct EgressTarget: Sendable {
    /// In lower case, without a dot at the end.
    var host: String
    var port: UInt16
    var method: String
    var isSecure: Bool

    public init(host: String, port: UInt16, method: String, isSecure: Bool) {
        let name = host.lowercased()
        self.host = name.hasSuffix(".") ? String(name.dropLast()) : name
        (self.port, self.method, self.isSecure) = (port, method, isSecure)
    }
}

/// A line that requests of a tenant to one host are sent with.
public struct BoundSecret: Sendable {
    public var tenant: String
    public var host: String
    public var port: UInt16
    /// Only where nobody else reads it.
    public var needsSecurity: Bool
    /// "Name: value".
    public var line: [UInt8]

    public init(tenant: String, host: String, port: UInt16, needsSecurity: Bool, line: [UInt8]) {
        (self.tenant, self.host, self.port) = (tenant, host, port)
        (self.needsSecurity, self.line) = (needsSecurity, line)
    }
}

/// What the operator lets outgoing requests do, by who makes them, and the secrets that they are sent with: what is behind
/// dn.host.egress/1. One for the process, as plugins are; any thread.
public final class Egress: Sendable {
    public static let shared = Egress()

    private struct Caller: Hashable {
        let tenant: String
        let function: String
    }

    private struct State {
        var tenants: [String: EgressRule] = [:]
        var otherTenants = EgressRule()
        var functions: [String: EgressRule] = [:]
        /// By tenant.
        var secrets: [String: [BoundSecret]] = [:]
        var numbers: [Caller: UInt64] = [:]
        /// By number less one.
        var callers: [Caller] = []

        func rules(of caller: Caller) -> [EgressRule] {
            [tenants[caller.tenant] ?? otherTenants, functions[caller.function] ?? EgressRule()]
        }
    }

    /// The node itself, which goes where its config says and sends no secrets.
    public static let node = UInt64.max

    private let state = Mutex(State())
    /// Names of tenants cost nothing; beyond so many, newcomers may ask for nothing.
    private static let mostCallers = 1 << 20

    init() {}

    /// - Parameter others: for tenants that are not among `tenants`.
    public func set(tenants: [String: EgressRule], others: EgressRule, functions: [String: EgressRule]) {
        state.withLock { ($0.tenants, $0.otherTenants, $0.functions) = (tenants, others, functions) }
    }

    public func set(secrets: [BoundSecret]) {
        let byTenant = Dictionary(grouping: secrets, by: \.tenant)
        state.withLock { $0.secrets = byTenant }
    }

    /// What plugins know a tenant's requests of a communication function by; 0 when there are too many.
    /// - Returns: also whether the operator bounds them.
    public func caller(tenant: String, function: String) -> (number: UInt64, isBounded: Bool) {
        state.withLock { state in
            let caller = Caller(tenant: tenant, function: function)
            let isBounded = !state.rules(of: caller).allSatisfy(\.boundsNothing)
            if let known = state.numbers[caller] { return (known, isBounded) }
            guard state.callers.count < Self.mostCallers else { return (0, true) }
            state.callers.append(caller)
            let number = UInt64(state.callers.count)
            state.numbers[caller] = number
            return (number, isBounded)
        }
    }

    /// Why a request may not go there, as a sentence for the user; nil when it may.
    func refusal(_ number: UInt64, _ to: EgressTarget) -> String? {
        guard number != Self.node else { return nil }
        return state.withLock { state in
            guard number > 0, number <= UInt64(state.callers.count) else { return "nobody known makes this request" }
            let caller = state.callers[Int(number) - 1]
            for (rule, whose) in zip(
                state.rules(of: caller), ["tenant '\(caller.tenant)'", "function '\(caller.function)'"])
            {
                if let what = rule.refusal(to) { return "\(what) is not among those that the config allows \(whose)" }
            }
            return nil
        }
    }

    func lines(_ number: UInt64, _ to: EgressTarget) -> [[UInt8]] {
        state.withLock { state in
            guard number > 0, number <= UInt64(state.callers.count) else { return [] }
            return (state.secrets[state.callers[Int(number) - 1].tenant] ?? []).filter {
                $0.host == to.host && $0.port == to.port && (to.isSecure || !$0.needsSecurity)
            }.map(\.line)
        }
    }
}
