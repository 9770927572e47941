public import Engines
public import PluginHost

/// A function class of the config, as it stands on this machine.
public struct RunClass: Sendable {
    public let name: String
    /// The backends that are available here, in the order of preference.
    public let backends: [ComputeBackend]
    /// Bytes that a function of the class may ask for.
    public let memoryLimit: UInt64
    /// Nanoseconds that one run may take.
    public let timeout: UInt64
    /// Whether the thread that read a request may run the class's functions.
    public let mayRunInline: Bool
    /// CPUs that the class's functions may run on; empty = any.
    public let cores: [Int32]
    /// Nanoseconds that engines look for more work after a run before they sleep.
    public let spin: UInt64
    public let stages: StageMetrics
    /// Why backends before the first available one, or all, are not: for errors.
    public let unavailable: [String]

    public init(
        name: String, backends: [ComputeBackend], memoryLimit: UInt64, timeout: UInt64, mayRunInline: Bool,
        cores: [Int32] = [], spin: UInt64 = 0, unavailable: [String]
    ) {
        self.name = name
        self.backends = backends
        self.memoryLimit = memoryLimit
        self.timeout = timeout
        self.mayRunInline = mayRunInline
        self.cores = cores
        self.spin = spin
        self.unavailable = unavailable
        stages = StageMetrics(className: name)
    }
}

/// A communication function: a protocol of a plugin under the name that the operator gave it.
public final class CommFunction: Sendable {
    public let name: String
    public let backend: CommBackend
    public let protocolIndex: Int
    /// Nanoseconds for one request.
    public let timeout: UInt64
    /// Bytes of one reply.
    public let maxResponse: UInt64

    public var signatures: [CommBackend.Signature] { backend.protocols[protocolIndex].signatures }

    public init(name: String, backend: CommBackend, protocolIndex: Int, timeout: UInt64, maxResponse: UInt64) {
        self.name = name
        self.backend = backend
        self.protocolIndex = protocolIndex
        self.timeout = timeout
        self.maxResponse = maxResponse
    }
}
