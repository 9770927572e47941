public import Composition
public import Engines
public import Failure
public import Items
public import Registry
public import Traces

/// One request to run something.
public struct InvocationRequest: ~Copyable {
    public enum Target: Sendable {
        /// A registered function, composition or communication function.
        case name(String)
        /// Run once and not registered.
        case composition(CompositionGraph)
    }

    public var target: Target
    /// By position: set i is input i; missing or empty sets are absent.
    public var inputs: [ItemSet]
    /// Read the image from the state folder instead of the image cache.
    public var fresh: Bool
    /// CLOCK_MONOTONIC ns by which the reply must be there; 0 = the classes' timeouts only.
    public var deadline: UInt64
    /// Run compute functions in this class instead of the one they were registered into.
    public var className: String?
    /// What is known of its requests to the outside; nil = they are made as they come.
    public var journal: (any TransferJournal)?
    /// On whose behalf; nil = of nobody in particular.
    public var tenant: Tenant?
    /// Where names are looked up; nil = in the default tenant's.
    public var space: Space?
    /// Where to tell what happens; nil = nobody wants to know.
    public var trace: Trace?

    public init(
        target: Target, inputs: [ItemSet], fresh: Bool = false, deadline: UInt64 = 0, className: String? = nil,
        tenant: Tenant? = nil, space: Space? = nil
    ) {
        self.target = target
        self.inputs = inputs
        self.fresh = fresh
        self.deadline = deadline
        self.className = className
        self.tenant = tenant
        self.space = space
    }
}

/// Sums over all functions of one invocation, ns: the columns of paper table 1.
public struct InvocationTimeline: Sendable {
    public var queue: UInt64 = 0
    public var load: UInt64 = 0
    public var input: UInt64 = 0
    public var run: UInt64 = 0
    public var output: UInt64 = 0
    public var communication: UInt64 = 0
    /// From `invoke` to the outcome.
    public var total: UInt64 = 0
    /// Sandboxes that were made, one per run of a compute function.
    public var sandboxes = 0
    /// Requests that communication functions made.
    public var requests = 0

    public init() {}
}

/// The outputs of what was invoked, in order, empty ones included.
public struct Outputs: Sendable {
    /// The names that the function's or composition's definition gives them.
    public var declared: [Blob]
    /// As many; their names are those that the producing functions left, which is what the original's clients expect.
    public var sets: [ItemSet]

    public init(declared: [Blob], sets: [ItemSet]) {
        self.declared = declared
        self.sets = sets
    }

    /// With the declared names.
    public var named: [ItemSet] { zip(declared, sets).map { ItemSet(name: $0, items: $1.items) } }
}

/// How an invocation ended.
public struct InvocationOutcome {
    public var result: Result<Outputs, Failure>
    /// The function's own exit code when a single function was invoked, else 0.
    public var exitCode: Int32
    public var timeline: InvocationTimeline

    public init(result: Result<Outputs, Failure>, exitCode: Int32, timeline: InvocationTimeline) {
        self.result = result
        self.exitCode = exitCode
        self.timeline = timeline
    }
}
