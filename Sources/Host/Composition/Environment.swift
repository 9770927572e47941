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

    public init(_ kind: CalleeKind, variants: [Variant], callees: [String] = []) {
        self.kind = kind
        self.variants = variants
        self.callees = callees
    }

    public init(_ kind: CalleeKind, inputs: [String], outputs: [String], callees: [String] = []) {
        self.init(kind, variants: [Variant(inputs: inputs, outputs: outputs)], callees: callees)
    }
}

/// The names that a text may refer to.
public struct Environment: Sendable {
    /// nil when nothing of that name is registered.
    public var lookup: @Sendable (_ name: String) -> Signature?
    /// Registered names that a name may be a misspelling of, asked for only to suggest the nearest one in an error.
    public var names: @Sendable (_ near: String) -> [String]

    public init(
        lookup: @escaping @Sendable (String) -> Signature?,
        names: @escaping @Sendable (String) -> [String] = { _ in [] }
    ) {
        self.lookup = lookup
        self.names = names
    }
}
