internal import Config
internal import Failure
internal import Frontend
internal import Memory
internal import PluginHost
internal import Registry
internal import Telemetry

/// One started instance of a plugin and what it is used as.
struct PluginGeneration {
    var compute: ComputeBackend?
    var comm: CommBackend?
    var translator: Translator?
    /// Of the fleet, which keeps it.
    var fleet: FleetEngine?

    var isEmpty: Bool { compute == nil && comm == nil && translator == nil && fleet == nil }

    /// Gives up what nobody else uses; the instance stops with the last of it, on the calling thread.
    /// - Returns: whether nothing is left.
    mutating func endIfUnused() -> Bool {
        if compute != nil, isKnownUniquelyReferenced(&compute) { compute = nil }
        if comm != nil, isKnownUniquelyReferenced(&comm) { comm = nil }
        if translator != nil, isKnownUniquelyReferenced(&translator) { translator = nil }
        if fleet != nil, isKnownUniquelyReferenced(&fleet) { fleet = nil }
        return isEmpty
    }
}

/// One configured plugin in a running node.
final class LivePlugin {
    let name: String
    var status: PluginStatus
    /// Counts from 1; 0 = has not run.
    private(set) var generation = 0
    /// Why the last reload was refused; empty when it was not.
    var quarantine = ""
    /// Where classes find its isolation backend.
    let slot = BackendSlot(nil)
    /// Where classes find it as a translator.
    let translatorSlot: TranslatorSlot
    /// Whether a class names it as a backend, or as a translator.
    private let isBackend: Bool
    private let isTranslator: Bool
    /// Communication functions that name it.
    private let wanted: [CommunicationFunction]
    private(set) var functions: [CommFunction] = []
    /// By which the node reaches others of its fleet; nobody can invoke it.
    private(set) var transport: CommFunction?
    private let isFleet: Bool
    private let isTransport: Bool
    private var present = PluginGeneration()
    private(set) var draining: [PluginGeneration] = []
    /// Digests of the files that were mapped.
    private(set) var files: Set<String> = []

    /// What its instances take is charged there.
    let memory: MemoryBudget

    init(_ status: PluginStatus, _ config: NodeConfig, _ memory: MemoryBudget) {
        self.memory = memory
        name = status.name
        self.status = status
        let name = status.name
        isBackend = config.classes.contains { $0.backends.contains { $0.value == name } }
        // Without the interface it is no worse a backend.
        isTranslator =
            status.interfaces.contains("dn.translate/1")
            && config.classes.contains { $0.translators.contains { $0.value == name } }
        translatorSlot = TranslatorSlot(name: name)
        wanted = config.functions.filter { $0.plugin.value == name }
        isFleet = config.fleet?.plugin.value == name
        isTransport = config.fleet?.transport.value == name
    }

    /// Why it does not translate.
    var noTranslatorReason: String {
        status.isUsable && !isTranslator ? "it is no translator (offers no dn.translate/1)" : status.reason
    }
    var isUsed: Bool { isBackend || isTranslator || isFleet || isTransport || !wanted.isEmpty }
    /// What speaks to the fleet's engine, if that is this plugin's part.
    var fleetEngine: FleetEngine? { present.fleet }
    var isRunning: Bool { !present.isEmpty }

    /// What the config uses the instance as.
    func generation(of instance: PluginInstance) throws(Failure) -> PluginGeneration {
        PluginGeneration(
            compute: isBackend ? try ComputeBackend(instance) : nil,
            comm: wanted.isEmpty && !isTransport ? nil : try CommBackend(instance),
            translator: isTranslator ? try Translator(instance) : nil,
            fleet: isFleet ? try FleetEngine(instance) : nil)
    }

    /// Starts the first generation; what is wrong is told to the log and stands in `status`.
    func start() {
        guard let library = status.library, status.isUsable else {
            Log.warning("plugin \(name) is unavailable: \(status.reason)")
            return
        }
        guard isUsed else { return }
        do throws(Failure) {
            adopt(try generation(of: try status.start(library, memory)))
        } catch {
            status = status.unavailable(error.detail)
            Log.warning("plugin \(name) is unavailable: \(error.detail)")
        }
    }

    private func adopt(_ next: PluginGeneration) {
        generation += 1
        present = next
        if let digest = status.digest { files.insert(digest) }
        if let compute = next.compute { slot.replace(with: compute) }
        if let translator = next.translator { translatorSlot.replace(with: translator) }
        for function in functions { if let comm = next.comm { function.replace(with: comm) } }
        guard let comm = next.comm else { return }
        transport?.replace(with: comm)
        if isTransport, transport == nil { transport = Self.transport(comm) }
        guard functions.isEmpty else { return }
        functions = wanted.compactMap { Self.function($0, comm) }
    }

    /// Its time and size are bounded by each request's, and by the plugin's settings.
    private static func transport(_ backend: CommBackend) -> CommFunction? {
        guard let index = backend.protocols.firstIndex(where: { $0.name == "http" }) else {
            Log.warning("[fleet] transport: plugin \(backend.name) offers no protocol 'http'")
            return nil
        }
        return CommFunction(
            name: FleetSettings.function, backend: backend, protocolIndex: index, timeout: 86_400_000_000_000,
            maxResponse: 2 << 30)
    }

    private static func function(_ wanted: CommunicationFunction, _ backend: CommBackend) -> CommFunction? {
        let name = wanted.protocolName.value
        guard let index = backend.protocols.firstIndex(where: { $0.name == name }) else {
            let offered = backend.protocols.map(\.name).joined(separator: ", ")
            Log.warning(
                "communication function \(wanted.name.value) is unavailable: plugin \(backend.name) offers no "
                    + "protocol '\(name)', only \(offered)")
            return nil
        }
        return CommFunction(
            name: wanted.name.value, backend: backend, protocolIndex: index, timeout: wanted.timeout,
            maxResponse: wanted.maxResponse)
    }

    /// Whether `next` can do what the present generation is used for; loads on it the images that are loaded now.
    func check(_ next: PluginGeneration, _ catalogue: Catalogue) throws(Failure) {
        if let comm = next.comm {
            for function in functions + [transport].compactMap({ $0 }) { try function.check(comm) }
        }
        if let old = present.compute, let new = next.compute { try catalogue.loadImages(of: old, on: new) }
    }

    /// Puts `next`, for which `check` passed, in the place of the present generation.
    func replace(with next: PluginGeneration, _ status: PluginStatus, _ catalogue: Catalogue) {
        let old = present
        self.status = status
        adopt(next)
        // Those that were unavailable until now.
        for function in functions { catalogue.offer(function) }
        old.comm?.retire()
        if !old.isEmpty { draining.append(old) }
    }

    /// Ends the earlier generations that nobody uses any more.
    func drain(_ catalogue: Catalogue) {
        for index in draining.indices.reversed() {
            // Also what a request that began before the change has loaded since.
            if let old = draining[index].compute { catalogue.forgetImages(of: old) }
            if draining[index].endIfUnused() { draining.remove(at: index) }
        }
    }

    var facts: PluginFacts {
        PluginFacts(
            name: name, path: status.path, availability: status.availability, reason: status.reason,
            id: status.library?.descriptor.id ?? "", version: status.library?.descriptor.version ?? "",
            sha256: status.digest ?? "", interfaces: status.interfaces, generation: generation,
            draining: draining.count, quarantine: quarantine)
    }
}
