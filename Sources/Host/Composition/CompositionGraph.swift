public import Values

/// A checked composition: a directed acyclic graph of calls over numbered sets.
///
/// Everything that the text can get wrong was refused, so a dispatcher only counts: a call is ready when `waits` of its
/// input sets are there; a set is there when the composition was invoked (`inputSets`) or its one producing call ended.
public struct CompositionGraph: Sendable, Equatable {
    public var name: String
    public var inputNames: [String]
    public var outputNames: [String]
    /// Sets are numbered 0 ..< setCount: first the inputs, in order, then what calls produce.
    public var setCount: Int
    /// The names of the sets in the text, for timelines and logs.
    public var setNames: [String]
    /// Ordered so that a call only consumes sets produced by calls before it.
    public var calls: [Call]
    /// What the calls call, each once; resolve these when the composition is registered.
    public var targets: [Target]
    /// Set of each input parameter: always 0 ..< inputNames.count.
    public var inputSets: [Int]
    /// Set of each output parameter; an input's set when it is passed through.
    public var outputSets: [Int]
    /// For each set the calls that wait for it, each call once, in order.
    public var consumers: [[Int]]
    /// How many calls it makes when each runs once, those of the compositions that it calls included; Int.max stands for more.
    public var callCount: Int

    /// The compositions among the targets, for `Signature.callees`.
    public var callees: [String] { targets.filter { $0.kind == .composition }.map(\.name) }

    public var signature: Signature {
        Signature(
            .composition, inputs: inputNames, outputs: outputNames, callees: callees, callCount: callCount)
    }
}

/// A function, communication function or composition that a composition calls.
public struct Target: Sendable, Hashable {
    public var name: String
    public var kind: CalleeKind
    /// Index into `Signature.variants`.
    public var variant: Int

    public init(name: String, kind: CalleeKind, variant: Int = 0) {
        self.name = name
        self.kind = kind
        self.variant = variant
    }
}

/// One statement: an application of a target to sets.
public struct Call: Sendable, Equatable {
    /// Index into `CompositionGraph.targets`.
    public var target: Int
    /// By the target's input parameter; nil when the statement does not name the parameter: an empty set.
    public var inputs: [Binding?]
    /// By the target's output parameter: the set it produces; nil when the statement drops it.
    public var outputs: [Int?]
    /// How the instances multiply; empty when the call runs exactly once (every input is `all`).
    public var dimensions: [Dimension]
    /// The number of distinct sets among the inputs: how many the call waits for.
    public var waits: Int
    public var position: Place
}

/// How an input set is split over the instances of a call.
public enum Sharding: String, Sendable, CaseIterable {
    /// Every instance gets the whole set.
    case all
    /// One instance per item.
    case each
    /// One instance per distinct key of the whole set.
    case keyed
    /// Like `each`, but the platform merges items into as many parts as it has use for.
    case anyEach
    /// Like `keyed`, but the platform merges keys into as many parts as it has use for.
    case anyKeyed

    /// The platform decides how many parts there are.
    public var isAny: Bool { self == .anyEach || self == .anyKeyed }
    /// Grouped by key.
    public var isKeyed: Bool { self == .keyed || self == .anyKeyed }
}

/// A set bound to an input parameter.
public struct Binding: Sendable, Equatable {
    public var set: Int
    public var sharding: Sharding
    /// An empty set does not keep the call from running.
    public var optional: Bool

    public init(set: Int, sharding: Sharding, optional: Bool) {
        self.set = set
        self.sharding = sharding
        self.optional = optional
    }
}

/// How two keyed sets are joined on their keys, as in SQL; the side that has no such key is passed empty.
public enum JoinKind: String, Sendable, CaseIterable {
    case inner, left, right, full
}

/// One factor of the cross product of instances: a sharded input, or several joined on their keys.
public struct Dimension: Sendable, Equatable {
    /// Input parameters, left to right as the join names them.
    public var parameters: [Int]
    /// joins[i] joins the result so far with parameters[i + 1]; empty for a single parameter.
    public var joins: [JoinKind]
    /// The platform merges rows of this dimension into parts (`anyEach`, `anyKeyed`).
    public var isAny: Bool
}

extension CompositionGraph {
    /// One call of one target, every input whole and optional: what a direct invocation of a function runs.
    public init(calling target: Target, inputNames: [String], outputNames: [String]) {
        let inputs = inputNames.count
        name = target.name
        self.inputNames = inputNames
        self.outputNames = outputNames
        setCount = inputs + outputNames.count
        setNames = inputNames + outputNames
        calls = [
            Call(
                target: 0, inputs: (0..<inputs).map { Binding(set: $0, sharding: .all, optional: true) },
                outputs: Array(inputs..<setCount), dimensions: [], waits: inputs,
                position: Place(line: 1, column: 1))
        ]
        targets = [target]
        inputSets = Array(0..<inputs)
        outputSets = Array(inputs..<setCount)
        consumers = (0..<setCount).map { $0 < inputs ? [0] : [] }
        callCount = 1
    }
}
