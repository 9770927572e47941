internal import Composition
internal import Failure
internal import Synchronization
internal import Telemetry

/// Where something new is put among what has its name.
public enum VersionPlace: Sendable, Equatable {
    /// Nothing may have the name: the way of the original's routes.
    case free
    /// The version after the newest.
    case next
    /// The newest version's, which goes; only where no alias or composition has that version by its number.
    case newest
    /// This version's, since the fleet has it.
    case version(Int)
}

// Which version something becomes, and how long it stays.

extension Space {
    /// All versions of what is registered under a name, from the oldest on.
    public func versions(of name: String) -> [CatalogueEntry] { table.withLock { $0.versions(of: name) } }

    /// One of them.
    public func version(_ number: Int, of name: String) -> CatalogueEntry? {
        table.withLock { $0.version(number, of: name) }
    }

    /// - Throws: `.conflict`, with what can be done.
    func version(for definition: FunctionDefinition, as place: VersionPlace) throws(Failure) -> Int {
        let name = definition.name
        guard place != .free, case .function(let newest) = table.withLock({ $0.newest(named: name) }) else {
            try refuseTaken(name)
            if case .version(let number) = place { return number }
            return 1
        }
        let old = newest.definition
        if old.inputs.map(\.name) != definition.inputs.map(\.name) || old.outputs != definition.outputs {
            try refuseUsed([name], of: name)
        }
        switch place {
        case .version(let number): return number
        case .newest:
            if let holder = table.withLock({ $0.holder(of: newest.version, of: name) }) {
                throw Failure(
                    .conflict,
                    "version \(newest.version) of '\(name)' is what \(holder) has, and stays what it is; register without "
                        + "replacing to make the next version", [.init("name", name)])
            }
            return newest.version
        case .next, .free: return try next(after: newest.version, of: name)
        }
    }

    /// - Throws: `.conflict` when something is registered under a name that reads as that version.
    private func next(after newest: Int, of name: String) throws(Failure) -> Int {
        let text = VersionedName.text(name, newest + 1)
        guard table.withLock({ $0.newest(named: text) == nil }) else {
            throw Failure(
                .conflict, "the next version of '\(name)' would be '\(text)', which is the name of something else",
                [.init("name", text)])
        }
        return newest + 1
    }

    /// The same for compositions, which have no data of their own that could be replaced.
    func version(for graph: CompositionGraph, as place: VersionPlace) throws(Failure) -> Int {
        if case .version(let number) = place { return number }
        guard place != .free, case .composition(let newest) = table.withLock({ $0.newest(named: graph.name) }) else {
            try refuseTaken(graph.name)
            return 1
        }
        let old = newest.graph
        if old.inputNames != graph.inputNames || old.outputNames != graph.outputNames {
            try refuseUsed([graph.name], of: graph.name)
        }
        return try next(after: newest.version, of: graph.name)
    }

    /// Removes what the config does not keep; while something else is changed (`changing`).
    func dropOldVersions(of name: String) {
        let old = table.withLock { table in
            table.versions(of: name).dropLast().dropLast(catalogue.keptVersions).filter { entry in
                entry.version.map { table.holder(of: $0, of: name) == nil } ?? false
            }
        }
        // Each by itself: what cannot be removed now is when the next version comes.
        for entry in old {
            do throws(Failure) { try drop([entry], of: name) } catch {
                Log.info("an old version of '\(name)' is kept for now: \(error.detail)")
            }
        }
    }

    // MARK: What is refused

    /// - Throws: `.conflict`, with what can be done, unless nothing has the name, nor is it one of a version or alias.
    func refuseTaken(_ name: String) throws(Failure) {
        if let entry = table.withLock({ $0.newest(named: name) }) {
            throw Failure(.conflict, "'\(name)' is registered already, \(entry.wayOut)", [.init("name", name)])
        }
        if let base = VersionedName(name)?.name, table.withLock({ $0.newest(named: base) }) != nil {
            throw Failure(
                .conflict, "'\(name)' is how a version or an alias of '\(base)' is called", [.init("name", name)])
        }
        guard catalogue.publishers[name].map({ $0 == self.name }) ?? true else {
            throw Failure(
                .conflict, "'\(name)' is a name that this node's operator publishes for all tenants",
                [.init("name", name)])
        }
    }

    /// - Parameters:
    ///   - names: as they are called, that would go or take other sets.
    ///   - base: whose versions and aliases they are.
    ///   - own: What the versions of this name call does not count.
    func refuseUsed(_ names: [String], of base: String, but own: String? = nil) throws(Failure) {
        guard catalogue.publishers[base] != self.name else {
            throw Failure(
                .conflict,
                "'\(base)' is published for all tenants: before it goes or takes other sets, the node's config must "
                    + "publish it no more",
                [.init("name", base)])
        }
        let (users, count) = table.withLock { $0.users(of: names, but: own, most: 10) }
        guard count > 0 else { return }
        let others = count > users.count ? " and \(count - users.count) more" : ""
        throw Failure(
            .conflict,
            "'\(names.count == 1 ? names[0] : base)' is used by \(users.sorted().joined(separator: ", "))\(others); remove "
                + "that first", [.init("name", base)])
    }

    /// Keeps an image no longer that no function of the tenant has: it may have been loaded for a request that outlived its
    /// function.
    func forgetUnused(_ digest: String) {
        if table.withLock({ !$0.hasFunction(withImage: digest) }) { catalogue.images.removeAll(of: digest, in: name) }
    }

    func forget(_ function: RegisteredFunction) {
        catalogue.images.removeAll(preparedFor: function.number)
        function.forgetSnapshots()
        forgetUnused(function.digest)
    }
}

extension CatalogueTable {
    /// What holds a version that it may not change or go, in words; nil: nothing.
    func holder(of version: Int, of name: String) -> String? {
        if let alias = aliases(of: name).first(where: { $0.value.holds(version) })?.alias { return "alias '\(alias)'" }
        let users = users(of: [VersionedName.text(name, version)], most: 1)
        return users.names.first.map { "composition '\($0)'" }
    }
}

extension CatalogueEntry {
    /// What is registered under a name that somebody else wants, and what to do about it.
    fileprivate var wayOut: String {
        switch self {
        case .function(let function):
            "as a function of class '\(function.definition.className)'; make it the next version by PUT /v1/functions, "
                + "replace it at once by replace=true, delete it first, or leave it and name another class when you invoke "
                + "it, by class=NAME"
        case .composition: "as a composition; delete it first"
        case .communication: "as a communication function of the node's config"
        }
    }
}
