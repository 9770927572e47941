internal import Composition
public import Failure
public import Memory
internal import Synchronization

// Registering compositions in a tenant's space.

extension Space {
    /// Registers every composition of a text, or none; with `isShared`, only the one that is expected, which the fleet has
    /// already.
    /// - Returns: their names and versions.
    public func register(
        compositions text: String, account: MemoryAccount, expecting name: String? = nil,
        as place: VersionPlace = .free,
        isShared: Bool = false
    ) throws(Failure) -> [(name: String, version: Int)] {
        let charge = try MemoryHold(Catalogue.bytes(ofText: text), account, .compositions)
        let space = catalogue.kept(self)
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        return try space.changing.withLock { _ throws(Failure) in
            let graphs = try space.graphs(of: text, expecting: name, place, isShared: isShared)
            var made: [(name: String, version: Int)] = []
            for graph in graphs { made.append((graph.name, try space.version(for: graph, as: place))) }
            try space.refuseBeyondQuota(names: made.count { $0.version == 1 }, bytes: text.utf8.count)
            let changes = made.map {
                SharedChange(
                    space: space.name, name: VersionedName.shared($0.name, $0.version), content: .composition(text))
            }
            try catalogue.agreed(changes, isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.save(
                    compositions: made.map(\.name), text: text, tenant: account.name, space: space.name,
                    versions: made.map(\.version))
                space.table.withLock { table in
                    for (graph, made) in zip(graphs, made) {
                        table.add(
                            RegisteredComposition(
                                graph, version: made.version, text: text, of: graphs.count, space: space, charge: charge
                            ))
                    }
                }
            }
            if !isShared { for made in made { space.dropOldVersions(of: made.name) } }
            return made
        }
    }

    private func graphs(
        of text: String, expecting name: String?, _ place: VersionPlace, isShared: Bool
    ) throws(Failure) -> [CompositionGraph] {
        let taken: TakenNames = isShared ? .shadowed : place == .free ? .refused : .versions
        var graphs = try CompositionGraph.compile(text, in: environment(), taken: taken)
        if isShared { graphs.removeAll { $0.name != name } }
        let names = graphs.map(\.name)
        guard !graphs.isEmpty else { throw Failure(.invalid, "the text defines no composition") }
        if let name, !names.contains(name) {
            throw Failure(.invalid, "the text defines \(names.joined(separator: ", ")), not '\(name)'")
        }
        return graphs
    }
}
