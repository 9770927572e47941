/// Turns the shardings and the `by` of one statement into dimensions.
struct JoinChecker {
    private let statement: Statement
    private let callee: Callee
    private let inputs: [Binding?]
    private let diagnostics: Diagnostics
    private let setOf: (String) -> Int?

    init(
        _ statement: Statement, _ callee: Callee, _ inputs: [Binding?], _ diagnostics: Diagnostics,
        setOf: @escaping (String) -> Int?
    ) {
        self.statement = statement
        self.callee = callee
        self.inputs = inputs
        self.diagnostics = diagnostics
        self.setOf = setOf
    }

    /// Joined inputs together, every other sharded one alone, in the order of their first parameters.
    func dimensions() -> [Dimension] {
        var dimensions = statement.join.map(chains)?.filter { $0.parameters.count > 1 } ?? []
        let joined = Set(dimensions.flatMap(\.parameters))
        for (parameter, binding) in inputs.enumerated() where !joined.contains(parameter) {
            guard let binding, binding.sharding != .all else { continue }
            dimensions.append(Dimension(parameters: [parameter], joins: [], isAny: binding.sharding.isAny))
        }
        return dimensions.sorted { ($0.parameters.min() ?? 0) < ($1.parameters.min() ?? 0) }
    }

    /// The parts between the `cross`es.
    private func chains(_ join: JoinSyntax) -> [Dimension] {
        var chains: [Dimension] = []
        var seen: Set<Int> = []
        for (kind, name) in [(nil, join.first)] + join.steps.map({ ($0.kind, $0.name) }) {
            guard let parameter = parameter(name), let binding = inputs[parameter] else { continue }
            if !seen.insert(parameter).inserted {
                diagnostics.add(name.place, "`\(name.text)` is joined twice")
            } else if let kind, let left = chains.last?.parameters.last, let other = inputs[left] {
                refuseUnless(binding, matches: other, left: left, name)
                chains[chains.count - 1].parameters.append(parameter)
                chains[chains.count - 1].joins.append(kind)
            } else {
                chains.append(Dimension(parameters: [parameter], joins: [], isAny: binding.sharding.isAny))
            }
        }
        return chains
    }

    /// Only sets grouped by key in the same way have keys to join on.
    private func refuseUnless(_ right: Binding, matches left: Binding, left parameter: Int, _ name: Name) {
        guard !(left.sharding.isKeyed && left.sharding == right.sharding) else { return }
        diagnostics.add(
            name.place,
            "a join needs two `keyed` or two `anyKeyed` inputs: `\(callee.inputNames[parameter])` is "
                + "`\(left.sharding.rawValue)`, `\(name.text)` is `\(right.sharding.rawValue)`")
    }

    /// A parameter that the statement gives, or, as in some texts, the set given to exactly one parameter.
    private func parameter(_ name: Name) -> Int? {
        if let parameter = callee.inputs[name.text] {
            if inputs[parameter] != nil { return parameter }
            diagnostics.add(name.place, "`\(name.text)` cannot be joined: this statement does not give it")
            return nil
        }
        if let set = setOf(name.text) {
            let bound = inputs.indices.filter { inputs[$0]?.set == set }
            if bound.count == 1 { return bound[0] }
        }
        let given = statement.inputs.map(\.parameter.text)
        diagnostics.add(
            name.place, "`\(callee.target.name)` has no input `\(name.text)`\(suggestion(for: name.text, among: given))"
        )
        return nil
    }
}
