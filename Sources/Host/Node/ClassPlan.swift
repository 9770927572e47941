public import Config

/// Which backend would run a class on this machine, and why: what `dandelion check-config` prints.
public struct ClassPlan: Sendable {
    public struct Candidate: Sendable {
        public let backend: String
        public let isUsable: Bool
        public let reason: String
    }

    public let className: String
    /// In the order of the config.
    public let candidates: [Candidate]
    /// The first that is available; nil when none is.
    public var chosen: String? { candidates.first(where: \.isUsable)?.backend }

    public init(_ runClass: FunctionClass, _ plugins: PluginSet) {
        className = runClass.name.value
        candidates = runClass.backends.map { backend in
            guard let status = plugins[backend.value] else {
                return Candidate(backend: backend.value, isUsable: false, reason: "no such plugin")
            }
            guard !status.isUsable || status.interfaces.contains("dn.compute/1") else {
                return Candidate(backend: backend.value, isUsable: false, reason: "is no isolation backend")
            }
            return Candidate(backend: backend.value, isUsable: status.isUsable, reason: status.reason)
        }
    }
}
