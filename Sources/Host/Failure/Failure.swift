/// Why something that a user asked for did not happen: the one error type between rooms.
public struct Failure: Error, Sendable, Equatable {
    /// What kind of trouble it is; the front end maps each to a status code.
    public enum Kind: String, Sendable, CaseIterable {
        /// Malformed request, composition or image (400).
        case invalid
        /// No function, composition or route of that name (404).
        case notFound
        /// The name is taken (409).
        case conflict
        /// Larger than this node admits (413).
        case tooLarge
        /// The request needs more sandboxes or outgoing requests than one may have (422).
        case limit
        /// The function failed by its own fault: fault, trap, forbidden system call, lying outputs (422).
        case functionFault
        /// The function left with a failure that it tells of, such as an exception that nothing caught (422).
        case functionFailed
        /// Would need more memory, or more room in the state folder, than the node has (507).
        case memory
        /// Too many requests in progress (429).
        case busy
        /// A communication function's peer failed (502).
        case upstream
        /// No backend of the class is available, or the node is stopping (503).
        case unavailable
        /// The deadline passed (504).
        case deadline
        /// The client left, or asked to stop (499).
        case cancelled
        /// Refused by the operator's policy (403).
        case denied
        /// A fault of the platform itself (500).
        case `internal`
    }

    public var kind: Kind
    /// One sentence that names the cause and, where there is one, the place.
    public var detail: String
    /// Further facts, for people and for programs outside: ("function", "matmul"), ("fault", "write"), ("line", "3").
    public var facts: [Fact]
    /// What the node itself goes by, where the kind does not say enough.
    public var cause: Cause?

    public enum Cause: Sendable, Equatable {
        /// The engine must be made anew; what ran on it may be run again.
        case engineDead
        /// It may go well in so many seconds.
        case transient(seconds: UInt64)
    }

    public struct Fact: Sendable, Equatable {
        public var name: String
        public var value: String
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(_ kind: Kind, _ detail: String, _ facts: [Fact] = [], cause: Cause? = nil) {
        self.kind = kind
        self.detail = detail
        self.facts = facts
        self.cause = cause
    }
}
