public import Failure
internal import Values

extension CompositionGraph {
    /// The compositions of a text as a picture, in the language of Graphviz.
    ///
    /// Needs no node: what the text declares stands for what is registered. `isCommunication` tells which of those names are
    /// communication functions. Throws as `compile` does when the text is wrong.
    public static func picture(
        of text: String, isCommunication: @escaping @Sendable (String) -> Bool
    ) throws(Failure) -> String {
        // A text that is too long is refused below, before anybody reads it.
        let declared = text.utf8.count > longestText ? [:] : signatures(declaredIn: text, isCommunication)
        let environment = Environment(lookup: { declared[$0] })
        return Picture(try compile(text, in: environment, taken: .shadowed)).text
    }

    private static func signatures(
        declaredIn text: String, _ isCommunication: (String) -> Bool
    ) -> [String: Signature] {
        var parser = Parser(Diagnostics(source: Array(text.utf8)))
        let declared = parser.module().declarations.map { header in
            let kind = isCommunication(header.name.text) ? CalleeKind.communication : .compute
            return (
                header.name.text,
                Signature(kind, inputs: header.inputs.map(\.text), outputs: header.outputs.map(\.text))
            )
        }
        return Dictionary(declared, uniquingKeysWith: { first, _ in first })
    }
}

/// Compositions side by side. Names are words of ASCII letters and digits, so nothing here has to be escaped.
private struct Picture {
    private let graphs: [CompositionGraph]

    init(_ graphs: [CompositionGraph]) {
        self.graphs = graphs
    }

    var text: String {
        let parts = graphs.enumerated().map { index, graph in Cluster(graph, "c\(index)").lines }
        return
            ([
                "digraph compositions {",
                #"    node [fontname="Helvetica", fontsize=11, shape=box, style=rounded];"#,
                #"    edge [fontname="Helvetica", fontsize=9];"#,
            ] + parts.joined() + ["}", ""]).joined(separator: "\n")
    }
}

/// One composition: a box around its inputs, calls and outputs.
private struct Cluster {
    private let graph: CompositionGraph
    private let prefix: String

    init(_ graph: CompositionGraph, _ prefix: String) {
        self.graph = graph
        self.prefix = prefix
    }

    var lines: [String] {
        let inputs = graph.inputNames.enumerated().map { #"\#(prefix)_in\#($0) [label="\#($1)", shape=plaintext];"# }
        let outputs = graph.outputNames.enumerated().map { #"\#(prefix)_out\#($0) [label="\#($1)", shape=plaintext];"# }
        let calls = graph.calls.enumerated().map { "\(prefix)_call\($0) [\(look($1))];" }
        return [
            "    subgraph cluster_\(prefix) {",
            #"        label="\#(graph.name)"; fontname="Helvetica"; color=gray;"#,
        ] + (inputs + calls + outputs + edges).map { "        " + $0 } + ["    }"]
    }

    /// Communication functions are filled, compositions are folders, and what runs in many instances has a double line.
    private func look(_ call: Call) -> String {
        let target = graph.targets[call.target]
        let joins = call.dimensions.filter { !$0.joins.isEmpty }.map { told($0, of: call) }
        var look = [#"label="\#(([target.name] + joins).joined(separator: #"\n"#))""#]
        switch target.kind {
        case .communication: look.append(##"style="rounded,filled", fillcolor="#dbe9f6""##)
        case .composition: look.append(#"shape=folder, style="""#)
        case .compute: break
        }
        if !call.dimensions.isEmpty { look.append("peripheries=2") }
        return look.joined(separator: ", ")
    }

    /// `by a left b`, with the names of the sets.
    private func told(_ dimension: Dimension, of call: Call) -> String {
        let sets = dimension.parameters.map { call.inputs[$0].map { graph.setNames[$0.set] } ?? "" }
        let joined = zip(dimension.joins, sets.dropFirst()).map { " \($0.rawValue) \($1)" }
        return "by " + (sets.first ?? "") + joined.joined()
    }

    /// One line between two nodes, whatever number of sets goes along it; dashed when all of them may be empty.
    private var edges: [String] {
        var labels: [String: [String]] = [:]
        var solid: Set<String> = []
        var order: [String] = []
        func add(_ edge: String, _ label: String, isOptional: Bool) {
            if labels[edge] == nil { order.append(edge) }
            labels[edge, default: []].append(label)
            if !isOptional { solid.insert(edge) }
        }
        let sources = sources
        for (place, call) in graph.calls.enumerated() {
            for case let binding? in call.inputs {
                let words = binding.sharding == .all ? [] : [binding.sharding.rawValue]
                let label = (words + [graph.setNames[binding.set]]).joined(separator: " ")
                add("\(sources[binding.set]) -> \(prefix)_call\(place)", label, isOptional: binding.optional)
            }
        }
        for (place, set) in graph.outputSets.enumerated() {
            add("\(sources[set]) -> \(prefix)_out\(place)", graph.setNames[set], isOptional: false)
        }
        return order.map { edge in
            let label = (labels[edge] ?? []).joined(separator: #"\n"#)
            return #"\#(edge) [label="\#(label)"\#(solid.contains(edge) ? "" : ", style=dashed")];"#
        }
    }

    /// The node that each set comes from.
    private var sources: [String] {
        var sources = (0..<graph.setCount).map { "\(prefix)_in\($0)" }
        for (place, call) in graph.calls.enumerated() {
            for case let set? in call.outputs { sources[set] = "\(prefix)_call\(place)" }
        }
        return sources
    }
}
