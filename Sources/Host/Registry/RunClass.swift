public import Engines
public import Failure
public import PluginHost
internal import Synchronization

/// A function class of the config, as it stands on this machine.
public struct RunClass: Sendable {
    public let name: String
    /// Of the configured backends, in the order of preference.
    public let slots: [BackendSlot]
    /// Those that are available here, at this moment.
    public var backends: [ComputeBackend] { slots.compactMap(\.current) }
    /// Who makes images for the backends out of formats that these do not know, in the order of the config.
    public let translators: [TranslatorSlot]
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
    /// The node is ready without it.
    public let isOptional: Bool
    /// Why backends before the first available one, or all, are not: for errors.
    public let unavailable: [String]

    /// Why its functions cannot run at this moment; nil when they can.
    var unreadiness: String? {
        guard let backend = backends.first else {
            return "class '\(name)' has no available backend: \(unavailable.joined(separator: "; "))"
        }
        return backend.engineFailure.map { "class '\(name)' cannot run on \(backend.name): \($0)" }
    }

    public init(
        name: String, slots: [BackendSlot], translators: [TranslatorSlot] = [], memoryLimit: UInt64, timeout: UInt64,
        mayRunInline: Bool, cores: [Int32] = [], spin: UInt64 = 0, isOptional: Bool = false,
        unavailable: [String]
    ) {
        self.name = name
        self.slots = slots
        self.translators = translators
        self.memoryLimit = memoryLimit
        self.timeout = timeout
        self.mayRunInline = mayRunInline
        self.cores = cores
        self.spin = spin
        self.isOptional = isOptional
        self.unavailable = unavailable
        stages = StageMetrics(className: name)
    }
}

/// A communication function: a protocol of a plugin under the name that the operator gave it.
public final class CommFunction: Sendable {
    public let name: String
    private let generation: Mutex<CommBackend>
    /// The plugin's present generation.
    public var backend: CommBackend { generation.withLock { $0 } }
    /// The same in all generations.
    public let protocolIndex: Int
    /// Nanoseconds for one request.
    public let timeout: UInt64
    /// Bytes of one reply.
    public let maxResponse: UInt64

    public let signatures: [CommBackend.Signature]

    public init(name: String, backend: CommBackend, protocolIndex: Int, timeout: UInt64, maxResponse: UInt64) {
        self.name = name
        generation = Mutex(backend)
        self.protocolIndex = protocolIndex
        self.timeout = timeout
        self.maxResponse = maxResponse
        signatures = backend.protocols[protocolIndex].signatures
    }

    /// - Throws: `.conflict` unless `next` offers this function's protocol as it was: compositions were checked against it.
    public func check(_ next: CommBackend) throws(Failure) {
        let old = backend.protocols[protocolIndex]
        guard protocolIndex < next.protocols.count, next.protocols[protocolIndex] == old else {
            throw Failure(
                .conflict, "it does not offer protocol '\(old.name)' as before, which function '\(name)' uses")
        }
    }

    /// Puts the next generation, for which `check` passed, in the place of the present one.
    public func replace(with next: CommBackend) { generation.withLock { $0 = next } }
}
