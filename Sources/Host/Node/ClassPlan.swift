public import Config
internal import Memory
internal import Platform

/// Which backend would run a class on this machine, and why: what `dandelion check-config` prints.
public struct ClassPlan: Sendable {
    public struct Candidate: Sendable {
        public let backend: String
        public let isUsable: Bool
        public let reason: String

        /// `otherwise` is said of a plugin that works and does not offer `interface`.
        init(_ name: String, in plugins: PluginSet, offering interface: String, _ otherwise: String) {
            backend = name
            let status = plugins[name]
            let isUsable = status?.isUsable ?? false
            let offers = status?.interfaces.contains(interface) ?? false
            self.isUsable = isUsable && offers
            reason = isUsable && !offers ? otherwise : status?.reason ?? "no such plugin"
        }
    }

    public let className: String
    /// In the order of the config.
    public let candidates: [Candidate]
    /// The first that is available; nil when none is.
    public var chosen: String? { candidates.first(where: \.isUsable)?.backend }

    /// Translators that the class cannot use, and why.
    public let missing: [Candidate]

    /// Bytes that a node with this config has for all that runs, on this machine and in its control group.
    public static func memory(of config: NodeConfig) -> UInt64 {
        config.node.memory ?? MachineMemory.available / 4 * 3
    }

    /// Bytes that one function may have there.
    public static func mostForFunction(of config: NodeConfig) -> UInt64 {
        UInt64(MemoryBudget.mostForRun(of: Int(clamping: memory(of: config))))
    }

    public init(_ runClass: FunctionClass, _ plugins: PluginSet) {
        className = runClass.name.value
        candidates = runClass.backends.map {
            Candidate($0.value, in: plugins, offering: "dn.compute/1", "is no isolation backend")
        }
        missing = runClass.translators
            .map { Candidate($0.value, in: plugins, offering: "dn.translate/1", "is no translator") }
            .filter { !$0.isUsable }
    }
}
