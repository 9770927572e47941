internal import Memory
internal import PluginHost
internal import Synchronization

/// One property that every plugin must have, judged in a process of its own.
public struct Check: Sendable {
    /// What a check needs of the plugin; without it, the check is skipped.
    public enum Need: Sendable { case file, probe, start, compute, comm, translate, fleet }

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

    /// All checks, in the order in which they are told.
    public static let all =
        fileChecks + paceChecks + stateChecks + computeChecks + faultChecks + transferChecks
        + snapshotChecks + fileRangeChecks + commChecks
        + commLimitChecks
        + requestChecks + memoryChecks + translateChecks + fleetChecks + contractChecks

    /// What a node has judged before it uses a plugin: the same, with the rules of the host's services in one life.
    public static let trial = all.filter { check in !contractChecks.contains { $0.id == check.id } } + [wholeContract]
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
    let requests: [GivenRequest]
    let isTrial: Bool
    let contract = Contract()
    /// What its instances charge, and what is reserved for answers of those that charge nothing: never in the way.
    let memory = MemoryBudget(limit: 1 << 40)
    let watch = Watch()
    let notes = Notes()

    func load() throws -> PluginLibrary {
        try watch.call("the load of its file") { try PluginLibrary(path: path, original: original) }
    }

    func probe() throws -> ProbeReport {
        let judge = JudgedHost(contract, watch, isForProbe: true)
        let library = try load()
        return try watch.call("probe") {
            try library.probe(label: "checked", configuration: configuration, through: judge)
        }
    }

    func start() throws -> PluginInstance {
        let judge = JudgedHost(contract, watch, isForProbe: false)
        let library = try load()
        return try watch.call("start") {
            try library.start(label: "checked", configuration: configuration, memory: memory, through: judge)
        }
    }

    var random: SplitMix { SplitMix(state: seed) }

    /// How often something is repeated: `count` times, or a part of it in a trial.
    func rounds(_ count: Int) -> Int { isTrial ? max(4, count / 8) : count }
}

/// What a check has to show beside its verdict.
final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var text: String { lines.withLock { $0.joined(separator: "\n") } }
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
