public import Failure
public import Composition
internal import Synchronization

/// Everything that can be invoked on this node, in memory and on disk: a space of names for each tenant, and what the node has
/// for all of them.
public final class Catalogue: Sendable {
    let classes: [String: RunClass]
    let store: Store
    let images: ImageCache
    let loading = KeyedLock()
    /// Images that helpers load.
    let preparing = Mutex<Set<ImageChoice>>([])
    let mostCalls: Int
    /// Who must agree to what is registered and removed; nil: nobody.
    let witness = Mutex<(any RegistrationWitness)?>(nil)
    private let partition: PartitionPolicy
    private let quotas: [String: SpaceQuota]
    private let spaces: Mutex<Spaces>
    /// By name that all tenants may use: whose it is.
    let publishers: [String: String]
    /// How many versions before the newest of each name are kept.
    let keptVersions: Int

    private struct Spaces {
        var byName: [String: Space] = [:]
        var communications: [CommFunction]
    }

    /// `imageCache` in bytes. Compositions that make more than `mostCalls` calls are refused.
    /// - Parameters:
    ///   - publishers: By name that all tenants may use, the tenant that registers it.
    ///   - quotas: By tenant; `default` for those that are not named.
    ///   - keptVersions: So many before the newest of each name, and those that aliases and compositions have.
    public init(
        store: Store, classes: [RunClass], communications: [CommFunction], imageCache: UInt64, cores: Int,
        partition: PartitionMode = .auto(2), mostCalls: Int = 1_000_000, publishers: [String: String] = [:],
        quotas: [String: SpaceQuota] = [:], keptVersions: Int = 5
    ) {
        self.keptVersions = keptVersions
        self.mostCalls = mostCalls
        self.store = store
        self.publishers = publishers
        self.quotas = quotas
        self.classes = Dictionary(classes.map { ($0.name.lowercased(), $0) }) { first, _ in first }
        images = ImageCache(capacity: imageCache)
        self.partition = PartitionPolicy(mode: partition, localCores: cores)
        spaces = Mutex(Spaces(communications: communications))
    }

    // MARK: Spaces

    /// The default tenant's, where those are who show nothing. To be kept by who needs it for each request.
    public var standard: Space { kept(space(of: Space.standard)) }

    /// The space of a tenant. Keep names, not spaces: one in which nothing was ever registered is made for who asks.
    public func space(of tenant: String) -> Space {
        spaces.withLock { $0.byName[tenant] ?? Space(tenant, in: self, $0.communications) }
    }

    func quota(of tenant: String) -> SpaceQuota {
        quotas[tenant] ?? quotas[Space.standard] ?? SpaceQuota(names: nil, bytes: nil)
    }

    /// The space of that name in which things are registered: `space`, if it is the first.
    func kept(_ space: Space) -> Space {
        spaces.withLock { spaces in
            if let known = spaces.byName[space.name] { return known }
            // A plugin may have become available since it was made.
            for function in spaces.communications { space.offer(function) }
            spaces.byName[space.name] = space
            return space
        }
    }

    /// In the order of their names.
    var allSpaces: [Space] { spaces.withLock { $0.byName.values.sorted { $0.name < $1.name } } }

    /// Adds a communication function, whose plugin has become available.
    public func offer(_ function: CommFunction) {
        spaces.withLock { spaces in
            spaces.communications.removeAll { $0.name == function.name }
            spaces.communications.append(function)
            for space in spaces.byName.values { space.offer(function) }
        }
    }

    // MARK: Classes

    public func runClass(named name: String) throws(Failure) -> RunClass {
        if let known = classes[name] ?? classes[name.lowercased()] { return known }
        let names = classes.values.map(\.name).sorted().joined(separator: ", ")
        throw Failure(.invalid, "no class '\(name)' is configured; there are: \(names)", [.init("class", name)])
    }

    /// Why functions of some classes cannot run at this moment, a sentence for each class; empty when all can.
    public func unreadiness() -> [String] {
        classes.values.sorted { $0.name < $1.name }.compactMap { $0.isOptional ? nil : $0.unreadiness }
    }

    /// Each class of the config, and whether its functions can run at this moment.
    public func readiness() -> [(name: String, isReady: Bool)] {
        classes.values.map { ($0.name, $0.unreadiness == nil) }
    }

    /// How a call of `minSetBytes` splits its `any` sets.
    public func partitionPolicy(minSetBytes: [UInt64]) -> PartitionPolicy {
        var policy = partition
        policy.minSetBytes = minSetBytes.map { Int(clamping: $0) }
        return policy
    }
}
