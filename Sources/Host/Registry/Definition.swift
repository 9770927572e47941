public import Items

/// What a user says of a function when registering it; the image comes beside it.
public struct FunctionDefinition: Sendable {
    /// An input set: given by each request, or bound to items at registration.
    public struct Input: Sendable {
        public var name: String
        /// Items that every invocation finds here; nil when requests give them.
        public var bound: [Item]?

        public init(name: String, bound: [Item]? = nil) {
            self.name = name
            self.bound = bound
        }
    }

    public var name: String
    /// A class of the node's config; names of classes are the same in any case.
    public var className: String
    /// The exported function of the image at which a run begins; nil = the one that its format has.
    public var entry: String?
    /// Bytes that a context may hold; nil = the class's limit.
    public var memoryLimit: UInt64?
    /// Nanoseconds that one run may take; nil = the class's.
    public var timeout: UInt64?
    public var inputs: [Input]
    public var outputs: [String]
    /// The tenant that registered it, whose memory it is.
    public var tenant = ""
    /// The tenant among whose names it is.
    public var space = Space.standard
    /// By input: the least bytes worth a part of their own when the platform splits `any` sets; empty = not given.
    public var minSetBytes: [UInt64]

    public init(
        name: String, className: String, memoryLimit: UInt64? = nil, timeout: UInt64? = nil, inputs: [Input],
        outputs: [String], minSetBytes: [UInt64] = []
    ) {
        self.name = name
        self.className = className
        self.memoryLimit = memoryLimit
        self.timeout = timeout
        self.inputs = inputs
        self.outputs = outputs
        self.minSetBytes = minSetBytes
    }
}
