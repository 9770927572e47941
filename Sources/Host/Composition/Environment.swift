/// What a name stands for where a composition is registered.
public enum CalleeKind: Sendable, Equatable {
    case compute
    case communication
    case composition
}

/// What a caller must know of a function, communication function or composition.
public struct Signature: Sendable, Equatable {
    /// Names of the sets, in the order of the parameters.
    public struct Variant: Sendable, Equatable {
        public var inputs: [String]
        public var outputs: [String]

        public init(inputs: [String], outputs: [String]) {
            self.inputs = inputs
            self.outputs = outputs
        }
    }

    public var kind: CalleeKind
    /// One, or for a communication function each way in which its protocol can be called.
    public var variants: [Variant]
    /// The compositions that a registered composition calls by name; needed to refuse recursion.
    public var callees: [String]
    /// Of a composition: `CompositionGraph.callCount`.
    public var callCount: Int

    public init(_ kind: CalleeKind, variants: [Variant], callees: [String] = [], callCount: Int = 0) {
        self.kind = kind
        self.variants = variants
        self.callees = callees
        self.callCount = callCount
    }

    public init(
        _ kind: CalleeKind, inputs: [String], outputs: [String], callees: [String] = [], callCount: Int = 0
    ) {
        self.init(
            kind, variants: [Variant(inputs: inputs, outputs: outputs)], callees: callees, callCount: callCount)
    }
}

/// The names that a text may refer to.
public struct Environment: Sendable {
    /// nil when nothing of that name is registered.
    public var lookup: @Sendable (_ name: String) -> Signature?
    /// A composition whose calls, with those of the compositions that it calls, are more than these is refused.
    public var mostCalls: Int
    /// Registered names that a name may be a misspelling of, asked for only to suggest the nearest one in an error.
    public var names: @Sendable (_ near: String) -> [String]

    public init(
        mostCalls: Int = 1_000_000, lookup: @escaping @Sendable (String) -> Signature?,
        names: @escaping @Sendable (String) -> [String] = { _ in [] }
    ) {
        self.mostCalls = mostCalls
        self.lookup = lookup
        self.names = names
    }
}
