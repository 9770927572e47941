internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Telemetry

/// From a checked config to the objects of a node; the only place that knows them all.
struct Assembly {
    let catalogue: Catalogue
    let pool: WorkerPool
    let plugins: PluginControl
    /// Of the fleet, if the config has one and its plugins are available.
    let fleetEngine: FleetEngine?
    let transport: CommFunction?
    private let chosen: [BackendSlot]

    /// Backends whose engines are made before the first request.
    var backends: [ComputeBackend] { chosen.compactMap(\.current) }

    init(_ config: NodeConfig, _ plugins: PluginSet, stateDirectory: String) throws(Failure) {
        // Begins to measure; it is known before the first request.
        _ = Clock.counterHz
        let budget = Self.budget(config)
        let live = plugins.statuses.map { LivePlugin($0, config, budget) }
        for plugin in live { plugin.start() }
        let cores = Self.cores(config.node.cores, of: Thread.allowedCores(), "[node]")
        let classes = config.classes.map { Self.runClass($0, cores, live) }
        var chosen: [BackendSlot] = []
        for runClass in classes {
            let first = runClass.slots.first { $0.current != nil }
            if let first, !chosen.contains(where: { $0 === first }) { chosen.append(first) }
            if first == nil { Log.warning("class \(runClass.name) has no available backend") }
        }
        self.chosen = chosen
        do {
            pool = try WorkerPool(
                cores: cores, control: config.control, budget: budget,
                measure: config.control.loopClock == .elapsed ? .elapsed : .processor)
        } catch {
            throw Failure(.internal, "\(error)")
        }
        catalogue = Catalogue(
            store: try Store(directory: stateDirectory, memory: budget), classes: classes,
            communications: live.flatMap(\.functions),
            imageCache: min(config.node.imageCache, UInt64(budget.limit / 4)), cores: cores.count,
            mostCalls: config.node.maxSandboxes, publishers: config.publishers,
            quotas: Self.spaceQuotas(config), keptVersions: config.node.keepVersions)
        fleetEngine = live.lazy.compactMap(\.fleetEngine).first
        transport = live.lazy.compactMap(\.transport).first
        self.plugins = PluginControl(config, folder: plugins.folder, plugins: live, catalogue: catalogue)
    }

    private static func budget(_ config: NodeConfig) -> MemoryBudget {
        func share(of tenant: TenantConfig) -> Int? { tenant.memory.map { Int(clamping: $0) } }
        let named = config.tenants.filter { $0.name.value != TenantConfig.fallback }
        let fallback = config.tenants.first { $0.name.value == TenantConfig.fallback }.flatMap(share)
        let limit = Int(clamping: ClassPlan.memory(of: config))
        let shares = named.map { ($0.name.value, share(of: $0)) } + [(TenantConfig.fallback, nil)]
        return MemoryBudget(limit: limit, shares: Dictionary(shares) { first, _ in first }, defaultShare: fallback)
    }

    /// What the config says about how much one request may use.
    static func limits(_ config: NodeConfig) -> InvocationLimits {
        InvocationLimits(
            time: config.node.defaultTimeout, sandboxes: config.node.maxSandboxes,
            requests: config.node.maxOutgoingRequests)
    }

    private static func quota(_ limits: TenantLimits) -> QuotaSettings {
        var quota = QuotaSettings()
        quota.requestsPerSecond = limits.requestsPerSecond
        quota.coreTime = limits.coreTime
        quota.sent = limits.sent
        quota.period = limits.period
        return quota
    }

    /// What tenants may keep in the state folder, by name; `default` for each that is not named.
    private static func spaceQuotas(_ config: NodeConfig) -> [String: SpaceQuota] {
        let pairs = config.tenants.map { tenant in
            (
                tenant.name.value,
                SpaceQuota(names: tenant.limits.names, bytes: tenant.limits.stored.map { Int(clamping: $0) })
            )
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// What the config says about who gets in; tenants' memory is charged to `budget`.
    static func admission(_ config: NodeConfig, _ budget: MemoryBudget) -> Admission {
        let tenants = config.tenants.map { tenant in
            Admission.TenantSettings(
                name: tenant.name.value, weight: tenant.weight, maxRequests: tenant.maxRequests,
                quota: quota(tenant.limits))
        }
        let fallback = TenantConfig.fallback
        return Admission(
            Admission.Settings(
                queueDelay: config.node.queueDelay, maxRequests: config.node.maxRequests,
                tenants: tenants.filter { $0.name != fallback },
                others: tenants.first { $0.name == fallback } ?? Admission.TenantSettings(name: fallback)),
            budget: budget)
    }

    private static func runClass(_ config: FunctionClass, _ cores: [Int32], _ plugins: [LivePlugin]) -> RunClass {
        let named = config.backends.compactMap { name in plugins.first { $0.name == name.value } }
        let translators = config.translators.compactMap { name in plugins.first { $0.name == name.value } }
        for translator in translators where translator.translatorSlot.current == nil {
            Log.warning(
                "class \(config.name.value): translator \(translator.name) is unavailable: \(translator.noTranslatorReason)"
            )
        }
        return RunClass(
            name: config.name.value, slots: named.map(\.slot), translators: translators.map(\.translatorSlot),
            memoryLimit: config.memoryLimit,
            timeout: config.timeout, mayRunInline: config.inline == .auto,
            cores: config.cores == .all ? [] : Self.cores(config.cores, of: cores, "class \(config.name.value)"),
            spin: config.waiting.spin, isOptional: config.optional,
            unavailable: named.filter { $0.slot.current == nil }.map { "\($0.name): \($0.status.reason)" })
    }

    /// The CPUs that a policy chooses out of those at hand; never none.
    private static func cores(_ policy: CorePolicy, of allowed: [Int32], _ place: String) -> [Int32] {
        let chosen: [Int32] =
            switch policy {
            case .all: allowed
            case .count(let count): Array(allowed.prefix(max(1, count)))
            case .list(let list): allowed.filter { list.contains(Int($0)) }
            }
        if chosen.isEmpty { Log.warning("\(place): none of the configured cores may be used; using all") }
        return chosen.isEmpty ? allowed : chosen
    }
}
