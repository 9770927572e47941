internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Platform
internal import PluginHost
internal import Registry
internal import Telemetry

/// From a checked config to the objects of a node; the only place that knows them all.
struct Assembly {
    let catalogue: Catalogue
    let pool: WorkerPool
    /// Backends whose engines are made before the first request.
    let backends: [ComputeBackend]

    init(_ config: NodeConfig, _ plugins: PluginSet, stateDirectory: String) throws(Failure) {
        var used = Set(config.functions.map(\.plugin.value))
        for runClass in config.classes { used.formUnion(runClass.backends.map(\.value)) }
        let instances = plugins.start(used)

        var computeBackends: [String: ComputeBackend] = [:]
        var chosen: [ComputeBackend] = []
        var classes: [RunClass] = []
        let cores = Self.cores(config.node.cores, of: Thread.allowedCores(), "[node]")
        for runClass in config.classes {
            let made = Self.runClass(runClass, cores, plugins, instances, &computeBackends)
            if let first = made.backends.first, !chosen.contains(where: { $0 === first }) { chosen.append(first) }
            if made.backends.isEmpty { Log.warning("class \(made.name) has no available backend") }
            classes.append(made)
        }
        let budget = MemoryBudget(limit: Int(clamping: config.node.memory ?? MachineMemory.available / 4 * 3))
        do { pool = try WorkerPool(cores: cores, control: config.control, budget: budget) } catch {
            throw Failure(.internal, "\(error)")
        }
        catalogue = Catalogue(
            store: try Store(directory: stateDirectory), classes: classes,
            communications: Self.communications(config, instances), imageCache: config.node.imageCache,
            cores: cores.count)
        backends = chosen
    }

    /// What the config says about who gets in.
    static func admission(_ config: NodeConfig) -> Admission {
        let tenants = config.tenants.map { tenant in
            Admission.TenantSettings(
                name: tenant.name.value, weight: tenant.weight, maxRequests: tenant.maxRequests)
        }
        let fallback = TenantConfig.fallback
        return Admission(
            Admission.Settings(
                queueDelay: config.node.queueDelay, maxRequests: config.node.maxRequests,
                tenants: tenants.filter { $0.name != fallback },
                others: tenants.first { $0.name == fallback } ?? Admission.TenantSettings(name: fallback)))
    }

    private static func runClass(
        _ config: FunctionClass, _ cores: [Int32], _ plugins: PluginSet, _ instances: [String: PluginInstance],
        _ known: inout [String: ComputeBackend]
    ) -> RunClass {
        var backends: [ComputeBackend] = []
        var unavailable: [String] = []
        for name in config.backends.map(\.value) {
            if let backend = known[name] {
                backends.append(backend)
            } else if let instance = instances[name] {
                do {
                    let backend = try ComputeBackend(instance)
                    known[name] = backend
                    backends.append(backend)
                } catch {
                    unavailable.append(error.detail)
                }
            } else {
                unavailable.append("\(name): \(plugins[name]?.reason ?? "no such plugin")")
            }
        }
        return RunClass(
            name: config.name.value, backends: backends, memoryLimit: config.memoryLimit, timeout: config.timeout,
            mayRunInline: config.inline == .auto,
            cores: config.cores == .all ? [] : Self.cores(config.cores, of: cores, "class \(config.name.value)"),
            spin: config.waiting.spin, unavailable: unavailable)
    }

    private static func communications(
        _ config: NodeConfig, _ instances: [String: PluginInstance]
    ) -> [CommFunction] {
        var backends: [String: CommBackend] = [:]
        var functions: [CommFunction] = []
        for function in config.functions {
            let plugin = function.plugin.value
            do throws(Failure) {
                guard let instance = instances[plugin] else {
                    throw Failure(.unavailable, "its plugin \(plugin) is unavailable")
                }
                let backend: CommBackend
                if let known = backends[plugin] { backend = known } else { backend = try CommBackend(instance) }
                backends[plugin] = backend
                let wanted = function.protocolName.value
                guard let index = backend.protocols.firstIndex(where: { $0.name == wanted }) else {
                    let offered = backend.protocols.map(\.name).joined(separator: ", ")
                    throw Failure(.unavailable, "plugin \(plugin) offers no protocol '\(wanted)', only \(offered)")
                }
                functions.append(
                    CommFunction(
                        name: function.name.value, backend: backend, protocolIndex: index, timeout: function.timeout,
                        maxResponse: function.maxResponse))
            } catch {
                Log.warning("communication function \(function.name.value) is unavailable: \(error.detail)")
            }
        }
        return functions
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
