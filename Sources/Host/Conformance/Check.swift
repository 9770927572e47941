internal import Memory
internal import PluginHost

/// One property that every plugin must have, judged in a process of its own.
public struct Check: Sendable {
    /// What a check needs of the plugin; without it, the check is skipped.
    public enum Need: Sendable { case file, probe, start, compute, comm, translate }

    /// Such as "run-deadline"; filters match parts of it.
    public let id: String
    /// One sentence: what a plugin that passes does.
    public let sentence: String
    public let need: Need
    let body: @Sendable (Subject) throws -> Void

    init(_ id: String, _ need: Need, _ sentence: String, _ body: @escaping @Sendable (Subject) throws -> Void) {
        self.id = id
        self.need = need
        self.sentence = sentence
        self.body = body
    }

    /// All checks, in the order in which they are run.
    public static let all =
        fileChecks + stateChecks + computeChecks + transferChecks + commChecks + commLimitChecks + translateChecks
        + contractChecks
}

/// Why a check did not pass.
struct Violation: Error { let what: String }
/// Why a check does not apply.
struct NotApplicable: Error { let why: String }

/// - Throws: `Violation` unless the condition holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Violation(what: what()) }
}

/// The plugin under judgement.
struct Subject: Sendable {
    let path: String
    /// What `path` is a copy of; nil = it is none.
    var original: String?
    let configuration: PluginConfiguration
    let seed: UInt64
    /// Folder of images in the plugin's own format; nil = the kit's own.
    let guests: String?
    let contract = Contract()
    /// What its instances charge; as much as a small node has.
    let memory = MemoryBudget(limit: 1 << 30)

    func load() throws -> PluginLibrary { try PluginLibrary(path: path, original: original) }
    func probe() throws -> ProbeReport {
        let judge = JudgedHost(contract, isForProbe: true)
        return try load().probe(label: "checked", configuration: configuration, through: judge)
    }
    func start() throws -> PluginInstance {
        let judge = JudgedHost(contract, isForProbe: false)
        return try load().start(label: "checked", configuration: configuration, memory: memory, through: judge)
    }
    var random: SplitMix { SplitMix(state: seed) }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): a run is repeated exactly from its seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
