internal import Values

/// A name as the statements of a text may use it.
struct Callee {
    var target: Target
    /// The declared names by parameter position; fewer outputs than the target has are its first ones.
    var inputNames: [String]
    var outputNames: [String]
    var inputs: [String: Int]
    var outputs: [String: Int]
    /// What the target has, declared or not.
    var outputCount: Int

    init(target: Target, inputNames: [String], outputNames: [String], outputCount: Int) {
        self.target = target
        self.inputNames = inputNames
        self.outputNames = outputNames
        self.outputCount = outputCount
        inputs = indexed(inputNames)
        outputs = indexed(outputNames)
    }
}

/// Place of each name; of a repeated one the first.
func indexed(_ names: [String]) -> [String: Int] {
    Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
}

/// Resolves the names of one text against each other and the environment.
struct ModuleChecker {
    private let module: Module
    private let environment: Environment
    private let diagnostics: Diagnostics
    private let taken: TakenNames
    /// Index into `module.compositions`.
    private var local: [String: Int] = [:]
    private var callees: [String: Callee] = [:]
    /// Line of each declaration.
    private var declared: [String: Int] = [:]

    init(_ module: Module, _ environment: Environment, _ diagnostics: Diagnostics, _ taken: TakenNames) {
        self.module = module
        self.environment = environment
        self.diagnostics = diagnostics
        self.taken = taken
    }

    /// The compositions, callees first; meaningless when a mistake was told.
    consuming func check() -> [CompositionGraph] {
        if module.compositions.isEmpty {
            diagnostics.add(
                Mark(offset: 0, position: Place(line: 1, column: 1)), "the text defines no composition")
        }
        define()
        declare()
        let graphs = module.compositions.map { composition in
            GraphChecker(composition, diagnostics) { [self] in resolve($0) }.check()
        }
        guard diagnostics.isEmpty, let order = order(of: graphs) else { return [] }
        return counted(order.map { ($0, graphs[$0].graph) })
    }

    /// With the calls of nested compositions counted; a tower of compositions doubles them with every few bytes.
    private func counted(_ ordered: [(index: Int, graph: CompositionGraph)]) -> [CompositionGraph] {
        var counts: [String: Int] = [:]
        return ordered.map { index, graph in
            var graph = graph
            graph.callCount = 0
            for call in graph.calls {
                let target = graph.targets[call.target]
                let nested =
                    target.kind == .composition
                    ? counts[target.name] ?? environment.lookup(target.name)?.callCount ?? 0 : 0
                let (sum, overflow) = graph.callCount.addingReportingOverflow(nested == .max ? nested : nested + 1)
                let isFirst = graph.callCount <= environment.mostCalls
                graph.callCount = overflow ? .max : sum
                if isFirst, graph.callCount > environment.mostCalls { tell(graph, call, nested, in: index) }
            }
            counts[graph.name] = graph.callCount
            return graph
        }
    }

    private func tell(_ graph: CompositionGraph, _ call: Call, _ nested: Int, in index: Int) {
        let statements = module.compositions[index].statements
        guard let name = statements.first(where: { $0.callee.place.position == call.position })?.callee else { return }
        func told(_ count: Int) -> String { count == .max ? "more than 9 * 10^18" : "\(count)" }
        let most = environment.mostCalls
        let makes = nested > 0 ? ", which makes \(told(nested)) itself" : ""
        diagnostics.add(
            name.place,
            "with this call of `\(name.text)`\(makes), `\(graph.name)` makes \(told(graph.callCount)) calls; \(most) are admitted"
        )
    }

    // MARK: - Names

    /// Enters the compositions of the text.
    private mutating func define() {
        for (index, composition) in module.compositions.enumerated() {
            let header = composition.header
            refuseRepeats(header)
            if let first = local[header.name.text] {
                let line = module.compositions[first].header.name.place.position.line
                diagnostics.add(
                    header.name.place, "composition `\(header.name.text)` is defined on line \(line) already")
                continue
            }
            if taken == .refused, environment.lookup(header.name.text) != nil {
                diagnostics.add(
                    header.name.place, "the name `\(header.name.text)` is registered already", isConflict: true)
            }
            local[header.name.text] = index
            callees[header.name.text] = Callee(
                target: Target(name: header.name.text, kind: .composition, variant: 0),
                inputNames: header.inputs.map(\.text), outputNames: header.outputs.map(\.text),
                outputCount: header.outputs.count)
        }
    }

    private func refuseRepeats(_ header: Header) {
        for (kind, names) in [("input", header.inputs), ("output", header.outputs)] {
            var seen: Set<String> = []
            for name in names where !seen.insert(name.text).inserted {
                diagnostics.add(
                    name.place, "`\(header.name.text)` has two \(kind) sets of the name `\(name.text)`")
            }
        }
    }

    /// Matches each declaration with what it declares, by position and number of sets.
    private mutating func declare() {
        for header in module.declarations {
            refuseRepeats(header)
            if let line = declared[header.name.text] {
                diagnostics.add(header.name.place, "`\(header.name.text)` is declared on line \(line) already")
                continue
            }
            declared[header.name.text] = header.name.place.position.line
            guard let signature = signature(of: header.name.text) else {
                diagnostics.add(header.name.place, unknown(header.name.text))
                continue
            }
            guard let variant = matchingVariant(of: signature, for: header) else {
                diagnostics.add(header.name.place, mismatch(header, signature))
                continue
            }
            callees[header.name.text] = Callee(
                target: Target(name: header.name.text, kind: signature.kind, variant: variant),
                inputNames: header.inputs.map(\.text), outputNames: header.outputs.map(\.text),
                outputCount: signature.variants[variant].outputs.count)
        }
    }

    private func signature(of name: String) -> Signature? {
        guard let index = local[name] else { return environment.lookup(name) }
        let header = module.compositions[index].header
        return Signature(.composition, inputs: header.inputs.map(\.text), outputs: header.outputs.map(\.text))
    }

    /// What a statement's name stands for; tells the mistake when nothing.
    private func resolve(_ name: Name) -> Callee? {
        if let callee = callees[name.text] { return callee }
        // A wrong declaration was told at its place.
        if declared[name.text] != nil { return nil }
        if let variant = environment.lookup(name.text)?.variants.first {
            let inputs = variant.inputs.joined(separator: ", ")
            let outputs = variant.outputs.joined(separator: ", ")
            diagnostics.add(
                name.place,
                "`\(name.text)` is not declared; add `function \(name.text)(\(inputs)) => (\(outputs));`")
        } else {
            diagnostics.add(
                name.place,
                "`\(name.text)` is not declared\(suggestion(for: name.text, among: Set(callees.keys).union(declared.keys).sorted()))"
            )
        }
        return nil
    }

    private func unknown(_ name: String) -> String {
        let known = diagnostics.isFull ? [] : environment.names(name).sorted() + local.keys.sorted()
        return "no function or composition `\(name)` is registered\(suggestion(for: name, among: known))"
    }

    private func mismatch(_ header: Header, _ signature: Signature) -> String {
        let registered = signature.variants.map {
            "(\($0.inputs.joined(separator: ", "))) => (\($0.outputs.joined(separator: ", ")))"
        }
        return "`\(header.name.text)` is declared with \(header.inputs.count) input and \(header.outputs.count) output "
            + "sets, but registered as \(registered.joined(separator: " or "))"
    }

    // MARK: - Order

    /// Compositions so that callees come first; tells a recursion and gives nil.
    private func order(of checked: [GraphChecker.Checked]) -> [Int]? {
        let needs = checked.map { $0.graph.callees.compactMap { local[$0] } }
        let (order, cycle) = topologicalOrder(needs: needs)
        if let first = cycle.first {
            let path = (cycle + [first]).prefix(12).map { "`\(checked[$0].graph.name)`" }.joined(separator: " uses ")
            diagnostics.add(
                module.compositions[first].header.name.place, "compositions cannot use each other in a circle: \(path)")
            return nil
        }
        // A one-shot text is not registered: what is registered refers to what was before it.
        if taken != .shadowed { checked.forEach(refuseRecursion) }
        return diagnostics.isEmpty ? order : nil
    }

    /// A registered composition may call, by name, one that was deleted and is now defined in this text.
    private func refuseRecursion(_ checked: GraphChecker.Checked) {
        var waiting = checked.graph.callees.filter { local[$0] == nil }
        var seen = Set(waiting)
        while let name = waiting.popLast() {
            for callee in environment.lookup(name)?.callees ?? [] where seen.insert(callee).inserted {
                if local[callee] != nil {
                    diagnostics.add(
                        checked.place,
                        "`\(checked.graph.name)` uses the registered `\(name)`, which itself calls `\(callee)`")
                } else {
                    waiting.append(callee)
                }
            }
        }
    }
}

/// The variant that a declaration means: the one with its names, else the nearest in names that has enough sets.
private func matchingVariant(of signature: Signature, for header: Header) -> Int? {
    let inputs = header.inputs.map(\.text)
    let outputs = header.outputs.map(\.text)
    func score(_ variant: Signature.Variant) -> Int {
        let sameOutputs = variant.outputs.starts(with: outputs)
        if sameOutputs, variant.inputs == inputs { return 3 }
        if sameOutputs { return 2 }
        return !outputs.isEmpty && variant.outputs.first == outputs.first ? 1 : 0
    }
    let fitting = signature.variants.indices.filter {
        signature.variants[$0].inputs.count == inputs.count && signature.variants[$0].outputs.count >= outputs.count
    }
    var best: Int?
    for index in fitting where best.map({ score(signature.variants[index]) > score(signature.variants[$0]) }) ?? true {
        best = index
    }
    return best
}
