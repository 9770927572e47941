public import Dispatcher
public import Failure

/// How far a durable invocation is. The raw values are stored.
public enum InvocationState: Int, Sendable, CaseIterable {
    /// For its turn, or for the pause after an attempt that failed to be over.
    case waiting = 0
    case running = 1
    case done = 2
    /// By its own fault: another attempt would fail again.
    case failed = 3
    case cancelled = 4
    /// All attempts failed by faults that another one may not meet.
    case dead = 5
    /// A request to the outside may or may not have had its effect, and it must not be made twice.
    case uncertain = 6

    public var name: String { "\(self)" }

    public init?(name: String) {
        guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = state
    }

    /// It will go on without anybody's doing.
    public var isOpen: Bool { self == .waiting || self == .running }
}

/// Whose an invocation is: only who is both may look at it.
public struct InvocationOwner: Hashable, Sendable {
    /// On whose behalf it is run.
    public var tenant: String
    /// Whose names it uses; another than the tenant where nobody vouches for who that is.
    public var space: String

    public init(tenant: String, space: String) {
        self.tenant = tenant
        self.space = space
    }
}

/// What is to be run, beside its input.
public struct InvocationOrder: Sendable, Equatable {
    public var owner: InvocationOwner
    public var tenant: String { owner.tenant }
    /// Of a registered function, composition or communication function.
    public var name: String
    /// The class to run it in instead of its own.
    public var className: String?
    /// Read the image from the state folder instead of the image cache.
    public var fresh: Bool
    /// Nanoseconds for each attempt; 0 = the classes' timeouts only.
    public var time: UInt64
    /// The schedule that it comes from; nil = a request.
    public var schedule: String?

    public init(
        owner: InvocationOwner, name: String, className: String? = nil, fresh: Bool = false, time: UInt64 = 0,
        schedule: String? = nil
    ) {
        self.owner = owner
        self.name = name
        self.className = className
        self.fresh = fresh
        self.time = time
        self.schedule = schedule
    }
}

/// What the store tells of a durable invocation.
public struct InvocationRecord: Sendable {
    public var id: InvocationID
    public var order: InvocationOrder
    public var state: InvocationState
    /// Begun so far; those that a crash cut short count.
    public var attempts: Int
    /// Nanoseconds since 1970; 0 = not yet.
    public var accepted: UInt64
    /// When the last attempt began.
    public var begun: UInt64
    /// Not before which the next attempt begins.
    public var due: UInt64
    public var ended: UInt64
    /// Bytes of the input, and of the result.
    public var inputBytes: Int
    public var resultBytes: Int
    /// Of the last attempt.
    public var exitCode: Int32
    public var timeline: InvocationTimeline
    public var failure: Failure?
    /// Of a fleet's: the address of the node that has or had its last attempt; nil = it had none.
    public var node: String?
}

/// A key with which a client tells that two requests are one.
public struct IdempotencyKey: Sendable, Equatable {
    public var text: String
    /// SHA-256 of what the request asks for.
    public var fingerprint: [UInt8]

    public init(text: String, fingerprint: [UInt8]) {
        self.text = text
        self.fingerprint = fingerprint
    }
}
