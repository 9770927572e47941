public import Composition
internal import Memory
internal import PluginHost

/// What a name stands for.
public enum CatalogueEntry: Sendable {
    case function(RegisteredFunction)
    /// Index: the signature that is meant, by default the first.
    case communication(CommFunction, Int)
    case composition(RegisteredComposition)

    /// Of the name, from 1 on; nil for what the config has.
    var version: Int? {
        switch self {
        case .function(let function): function.version
        case .composition(let composition): composition.version
        case .communication: nil
        }
    }

    /// What a composition must know to call it.
    public var signature: Signature {
        switch self {
        case .function(let function):
            Signature(
                .compute, inputs: function.definition.inputs.map(\.name), outputs: function.definition.outputs)
        case .communication(let function, _):
            Signature(
                .communication,
                variants: function.signatures.map { Signature.Variant(inputs: $0.inputs, outputs: $0.outputs) })
        case .composition(let composition): composition.graph.signature
        }
    }
}

/// A composition that can be invoked.
public final class RegisteredComposition: Sendable {
    public let graph: CompositionGraph
    /// Of its name, from 1 on.
    public let version: Int
    /// What it was registered with; others may have been, too.
    public let text: String
    /// Where the names that it calls are looked up, whoever invokes it.
    public unowned let space: Space
    /// Its share of the text's.
    let storedBytes: Int
    /// Those of one text share theirs.
    private let charge: MemoryHold

    /// - Parameter number: of those that the text defines.
    init(
        _ graph: CompositionGraph, version: Int, text: String, of number: Int, space: Space, charge: MemoryHold
    ) {
        (self.graph, self.version, self.text, self.space, self.charge) = (graph, version, text, space, charge)
        storedBytes = (text.utf8.count + number - 1) / max(1, number)
    }
}
