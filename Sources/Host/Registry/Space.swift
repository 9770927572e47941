public import Composition
internal import Config
public import Failure
internal import Memory
internal import Synchronization

/// What one tenant has registered, by name. Nobody else's names are seen from here but those that the operator publishes.
///
/// Looking up is quick and for any thread. Registering and removing block (files, image loading): not on a worker.
public final class Space: Sendable {
    /// The default tenant's name.
    public static let standard = TenantConfig.fallback

    /// The tenant's.
    public let name: String
    unowned let catalogue: Catalogue
    let table: Mutex<CatalogueTable>
    /// One registration at a time, so that checks and writes of two cannot interleave.
    let changing = Mutex(())
    private static let longestOnce = 1 << 20

    init(_ name: String, in catalogue: Catalogue, _ communications: [CommFunction]) {
        self.name = name
        self.catalogue = catalogue
        var table = CatalogueTable()
        for communication in communications { table.add(communication) }
        self.table = Mutex(table)
    }

    func offer(_ function: CommFunction) { table.withLock { $0.add(function) } }

    // MARK: Looking up

    /// The tenant's own, one of the node's, or one that another tenant's names are published for all.
    public func entry(named name: String) -> CatalogueEntry? {
        table.withLock { $0.entry(named: name) } ?? published(name)
    }

    /// What another tenant registered under a name that is published.
    private func published(_ name: String) -> CatalogueEntry? {
        let publishers = catalogue.publishers
        // Versions and aliases of a name of one's own are one's own.
        let base = VersionedName(name)?.name
        let isOwn = base.map { base in table.withLock { $0.newest(named: base) } != nil } ?? false
        guard let publisher = publishers[name] ?? base.flatMap({ isOwn ? nil : publishers[$0] }), publisher != self.name
        else { return nil }
        return catalogue.space(of: publisher).table.withLock { $0.entry(named: name) }
    }

    /// What other tenants registered and the operator publishes, in the order of the names; but what is hidden by a name of this
    /// space.
    public func published() -> [CatalogueEntry] {
        catalogue.publishers.keys.sorted().compactMap { name in
            table.withLock { $0.entry(named: name) } == nil ? published(name) : nil
        }
    }

    /// At most `limit` functions in the order of their names, from behind `name` on.
    public func functions(after name: String? = nil, limit: Int) -> [RegisteredFunction] {
        table.withLock { $0.functions(after: name, limit: limit) }
    }

    /// At most `limit` compositions in the order of their names, from behind `name` on.
    public func compositions(after name: String? = nil, limit: Int) -> [RegisteredComposition] {
        table.withLock { $0.compositions(after: name, limit: limit) }
    }

    /// All, in the order of their names.
    public func communications() -> [CommFunction] { table.withLock { $0.allCommunications } }

    /// Names that `name` may be a misspelling of: a few hundred of those that come before and after it.
    public func names(near name: String) -> [String] {
        table.withLock { $0.names(near: name) } + catalogue.publishers.keys
    }

    /// Why `name` cannot be used: nothing of that kind has it. Names the nearest of those around it.
    public func nothing(named name: String, kind: String = "function or composition") -> Failure {
        let known = names(near: name).filter { $0 != name }
        let hint = Nearest.nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
        return Failure(.notFound, "no \(kind) is registered as '\(name)'\(hint)", [.init("name", name)])
    }

    // MARK: Compiling

    /// Where texts find what they call. With `suggests`, errors name the nearest of the known names.
    func environment(suggests: Bool = true) -> Environment {
        Environment(
            mostCalls: catalogue.mostCalls,
            lookup: { name in self.entry(named: name).map { $0.signature } },
            names: { name in suggests ? self.names(near: name) : [] })
    }

    /// Checks a text that is run once and not registered; it must hold exactly one composition. Errors suggest the nearest of
    /// the registered names, if they are to.
    public func compileOnce(_ text: String, suggests: Bool = true) throws(Failure) -> CompositionGraph {
        guard text.utf8.count <= Self.longestOnce else {
            throw Failure(
                .tooLarge,
                "a composition of \(text.utf8.count) bytes must be registered; \(Self.longestOnce) are run at once")
        }
        let graphs = try CompositionGraph.compile(text, in: environment(suggests: suggests), taken: .shadowed)
        guard graphs.count == 1, let graph = graphs.first else {
            throw Failure(.invalid, "the text must define exactly one composition, not \(graphs.count)")
        }
        return graph
    }
}
