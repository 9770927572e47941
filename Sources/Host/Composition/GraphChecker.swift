internal import Values

/// Checks one composition and numbers its sets.
struct GraphChecker {
    struct Checked {
        var graph: CompositionGraph
        /// Of the composition's name.
        var place: Mark
    }

    /// Where a set comes from.
    private struct Source {
        var set: Int
        /// Index of the statement; nil for an input of the composition.
        var producer: Int?
        var place: Mark
    }

    private let syntax: CompositionSyntax
    private let diagnostics: Diagnostics
    private let resolve: (Name) -> Callee?
    private var sources: [String: Source] = [:]
    private var setNames: [String] = []
    private var producers: [Int?] = []
    private var targets: [Target] = []
    private var targetIndex: [Target: Int] = [:]

    init(_ syntax: CompositionSyntax, _ diagnostics: Diagnostics, resolve: @escaping (Name) -> Callee?) {
        self.syntax = syntax
        self.diagnostics = diagnostics
        self.resolve = resolve
    }

    /// Meaningless when a mistake was told.
    consuming func check() -> Checked {
        let told = diagnostics.count
        for input in syntax.header.inputs { enter(input, producer: nil) }
        let callees = syntax.statements.map { resolve($0.callee) }
        for (index, statement) in syntax.statements.enumerated() {
            for output in statement.outputs { enter(output.set, producer: index) }
        }
        var calls: [Call] = []
        for case let (statement, callee?) in zip(syntax.statements, callees) {
            calls.append(call(statement, callee))
        }
        let outputSets = syntax.header.outputs.map { sources[$0.text]?.set ?? missing($0, isOutput: true) }
        let graph = CompositionGraph(
            name: syntax.header.name.text, inputNames: syntax.header.inputs.map(\.text),
            outputNames: syntax.header.outputs.map(\.text), setCount: setNames.count, setNames: setNames, calls: [],
            targets: targets, inputSets: Array(syntax.header.inputs.indices), outputSets: outputSets, consumers: [],
            callCount: calls.count)
        // Without a mistake every statement has its call, so statement and call have the same index.
        let isSound = diagnostics.count == told && calls.count == syntax.statements.count
        return Checked(graph: isSound ? ordered(calls, in: graph) : graph, place: syntax.header.name.place)
    }

    // MARK: - Sets

    private mutating func enter(_ name: Name, producer: Int?) {
        guard let first = sources[name.text] else {
            sources[name.text] = Source(set: setNames.count, producer: producer, place: name.place)
            setNames.append(name.text)
            producers.append(producer)
            return
        }
        // Two inputs of one name were told at the header.
        guard producer != nil else { return }
        let origin = first.producer == nil ? "an input of the composition" : "assigned already"
        diagnostics.add(name.place, "set `\(name.text)` is \(origin), on line \(first.place.position.line)")
    }

    /// Tells that a set is not there; any number will do for it.
    private func missing(_ name: Name, isOutput: Bool) -> Int {
        let what = isOutput ? "output `\(name.text)`" : "set `\(name.text)`"
        diagnostics.add(
            name.place,
            "\(what) is produced by no statement and is no input\(suggestion(for: name.text, among: setNames))")
        return 0
    }

    // MARK: - Statements

    private mutating func call(_ statement: Statement, _ callee: Callee) -> Call {
        let sources = sources
        let inputs = bind(statement, callee)
        let outputs = assign(statement, callee)
        let dimensions = JoinChecker(statement, callee, inputs, diagnostics, setOf: { sources[$0]?.set }).dimensions()
        return Call(
            target: index(of: callee.target), inputs: inputs, outputs: outputs, dimensions: dimensions,
            waits: Set(inputs.compactMap { $0?.set }).count, position: statement.callee.place.position)
    }

    private mutating func index(of target: Target) -> Int {
        if let index = targetIndex[target] { return index }
        targetIndex[target] = targets.count
        targets.append(target)
        return targets.count - 1
    }

    private func bind(_ statement: Statement, _ callee: Callee) -> [Binding?] {
        var inputs = [Binding?](repeating: nil, count: callee.inputNames.count)
        for input in statement.inputs {
            let set = sources[input.set.text]?.set ?? missing(input.set, isOutput: false)
            guard let parameter = callee.inputs[input.parameter.text] else {
                let hint = suggestion(for: input.parameter.text, among: callee.inputNames)
                diagnostics.add(
                    input.parameter.place, "`\(callee.target.name)` has no input `\(input.parameter.text)`\(hint)")
                continue
            }
            if inputs[parameter] != nil {
                diagnostics.add(input.parameter.place, "input `\(input.parameter.text)` is given twice")
            }
            inputs[parameter] = Binding(set: set, sharding: input.sharding, optional: input.isOptional)
        }
        return inputs
    }

    private func assign(_ statement: Statement, _ callee: Callee) -> [Int?] {
        var outputs = [Int?](repeating: nil, count: callee.outputCount)
        for output in statement.outputs {
            guard let parameter = callee.outputs[output.parameter.text] else {
                let hint = suggestion(for: output.parameter.text, among: callee.outputNames)
                diagnostics.add(
                    output.parameter.place, "`\(callee.target.name)` has no output `\(output.parameter.text)`\(hint)")
                continue
            }
            if let set = outputs[parameter] {
                diagnostics.add(
                    output.parameter.place,
                    "output `\(output.parameter.text)` is set `\(setNames[set])` already; that set can be used twice")
            }
            outputs[parameter] = sources[output.set.text]?.set
        }
        return outputs
    }

    // MARK: - Order

    /// Orders the calls and says who waits for which set; tells a cycle.
    private func ordered(_ calls: [Call], in graph: CompositionGraph) -> CompositionGraph {
        let needs = calls.map { call in Set(call.inputs.compactMap { $0.flatMap { producers[$0.set] } }).sorted() }
        let (order, cycle) = topologicalOrder(needs: needs)
        guard let order else {
            tell(cycle)
            return graph
        }
        var graph = graph
        graph.calls = order.map { calls[$0] }
        graph.consumers = [[Int]](repeating: [], count: graph.setCount)
        for (index, call) in graph.calls.enumerated() {
            for set in Set(call.inputs.compactMap { $0?.set }) { graph.consumers[set].append(index) }
        }
        return graph
    }

    private func tell(_ cycle: [Int]) {
        let callees = cycle.map { syntax.statements[$0].callee }
        guard let first = callees.first else { return }
        let shown = (callees + [first]).prefix(12).map { "`\($0.text)` (line \($0.place.position.line))" }
        diagnostics.add(
            first.place, "statements wait for each other in a circle: \(shown.joined(separator: " for "))")
    }
}
