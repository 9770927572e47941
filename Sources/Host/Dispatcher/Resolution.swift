internal import Composition
internal import Failure
internal import Registry

extension Space {
    /// What the calls of a composition call, by target.
    func resolve(_ graph: CompositionGraph) throws(Failure) -> [Callee] {
        var callees: [Callee] = []
        callees.reserveCapacity(graph.targets.count)
        for target in graph.targets {
            switch (target.kind, entry(named: target.name)) {
            case (.compute, .function(let function)): callees.append(.compute(function))
            case (.communication, .communication(let function, _)):
                callees.append(.communication(function, target.variant))
            case (.composition, .composition(let composition)): callees.append(.composition(composition))
            default:
                throw Failure(
                    .notFound, "composition '\(graph.name)' calls '\(target.name)', which is not registered any more",
                    [.init("name", target.name), .init("composition", graph.name)])
            }
        }
        return callees
    }
}

extension Catalogue {
    func partitionPolicy(for callee: Callee) -> PartitionPolicy {
        guard case .compute(let function) = callee else { return partitionPolicy(minSetBytes: []) }
        return partitionPolicy(minSetBytes: function.definition.minSetBytes)
    }
}
