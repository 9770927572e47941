public import Engines

/// What happened in a trace, before it is written as spans.
enum Happening: Sendable {
    /// A run of a compute function: a span with one below it for each stage that it reached.
    case run(FunctionRun)
    /// A request of a communication function.
    case request(OutgoingRequest)
}

/// A run of a compute function. Times are CLOCK_MONOTONIC ns.
public struct FunctionRun: Sendable {
    public var function: String
    public var className: String
    /// Empty when it came to none.
    public var backend: String
    public var timeline: Timeline
    public var ended: UInt64
    /// The kind of what went wrong; nil = nothing.
    public var failure: String?

    public init(
        function: String, className: String, backend: String, timeline: Timeline, ended: UInt64, failure: String?
    ) {
        self.function = function
        self.className = className
        self.backend = backend
        self.timeline = timeline
        self.ended = ended
        self.failure = failure
    }
}

/// A request of a communication function. Times are CLOCK_MONOTONIC ns.
public struct OutgoingRequest: Sendable {
    /// As it was told to the server.
    public var span: UInt64
    public var function: String
    /// What the plugin speaks, such as "http".
    public var protocolName: String
    /// The plugin's words: a verb and an authority.
    public var target: String
    public var begun: UInt64
    public var ended: UInt64
    /// The protocol's own; 0 = none.
    public var status: Int32
    public var failure: String?

    public init(
        span: UInt64, function: String, protocolName: String, target: String, begun: UInt64, ended: UInt64,
        status: Int32, failure: String?
    ) {
        self.span = span
        self.function = function
        self.protocolName = protocolName
        self.target = target
        self.begun = begun
        self.ended = ended
        self.status = status
        self.failure = failure
    }
}

/// The request of a client by which everything else in the trace happens.
public struct ServedRequest: Sendable {
    public enum Value: Sendable {
        case text(String)
        case number(Int)
    }

    /// Method and route.
    public var name: String
    /// By the names of OpenTelemetry's semantic conventions.
    public var attributes: [(name: String, value: Value)]
    public var begun: UInt64
    public var ended: UInt64
    /// Why it is the node's failure; nil = it is none.
    public var failure: String?

    public init(
        name: String, attributes: [(name: String, value: Value)], begun: UInt64, ended: UInt64, failure: String?
    ) {
        self.name = name
        self.attributes = attributes
        self.begun = begun
        self.ended = ended
        self.failure = failure
    }
}
