internal import Failure

/// What one request may use in all, however few bytes ask for it. Settings of the config.
public struct InvocationLimits: Sendable {
    /// Nanoseconds for a composition whose request names no time of its own; 0 = no limit.
    public var time: UInt64
    /// Runs of functions. Runs of compositions inside it count too, as does a call that finds nothing to do.
    public var sandboxes: Int
    /// Requests of communication functions, each once however often it is repeated.
    public var requests: Int

    public init(time: UInt64 = 600_000_000_000, sandboxes: Int = 1_000_000, requests: Int = 10_000) {
        self.time = time
        self.sandboxes = sandboxes
        self.requests = requests
    }
}

/// What an invocation has used of its limits.
struct Allowance {
    private let limits: InvocationLimits
    private var sandboxes = 0
    private var requests = 0

    init(_ limits: InvocationLimits) { self.limits = limits }

    /// To be asked before `count` runs are begun.
    /// - Throws: `.limit`.
    mutating func take(sandboxes count: Int) throws(Failure) {
        sandboxes = try Self.sum(sandboxes, count, limits.sandboxes, "sandboxes", setting: "max_sandboxes")
    }

    /// To be asked before `count` requests of `function` are made.
    /// - Throws: `.limit`.
    mutating func take(requests count: Int, of function: String) throws(Failure) {
        let what = "requests of communication functions, with those of '\(function)'"
        requests = try Self.sum(requests, count, limits.requests, what, setting: "max_outgoing_requests")
    }

    private static func sum(
        _ used: Int, _ count: Int, _ limit: Int, _ what: @autoclosure () -> String, setting: String
    ) throws(Failure) -> Int {
        let (sum, overflow) = used.addingReportingOverflow(count)
        guard !overflow, sum <= limit else {
            let needed = overflow ? "more than \(Int.max)" : "\(sum)"
            throw Failure(
                .limit, "the request needs \(needed) \(what()); one may have \(limit) (\(setting))",
                [.init("bound", setting), .init("limit", String(limit))])
        }
        return sum
    }
}
