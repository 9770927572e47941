public import Composition
internal import Engines
public import Failure
public import Items
public import Memory
public import PluginHost
internal import Platform
internal import Synchronization
internal import Telemetry

/// What a name stands for.
public enum CatalogueEntry: Sendable {
    case function(RegisteredFunction)
    /// Index: the signature that is meant, by default the first.
    case communication(CommFunction, Int)
    case composition(CompositionGraph)
}

/// Everything that can be invoked on this node, in memory and on disk.
///
/// Looking up is quick and for any thread. Registering and removing block (files, image loading): not on a worker.
public final class Catalogue: Sendable {
    let table = Mutex(CatalogueTable())
    /// One registration at a time, so that checks and writes of two cannot interleave.
    private let changing = Mutex(())
    let classes: [String: RunClass]
    let store: Store
    let images: ImageCache
    let loading = KeyedLock()
    /// Digests of images that helpers load.
    private let preparing = Mutex<Set<ImageChoice>>([])
    private let partition: PartitionPolicy
    private let mostCalls: Int
    private let cacheDirectory: String
    private static let longestOnce = 1 << 20

    /// `imageCache` in bytes. Compositions that make more than `mostCalls` calls are refused.
    public init(
        store: Store, classes: [RunClass], communications: [CommFunction], imageCache: UInt64, cores: Int,
        partition: PartitionMode = .auto(2), mostCalls: Int = 1_000_000
    ) {
        self.mostCalls = mostCalls
        self.store = store
        self.classes = Dictionary(classes.map { ($0.name.lowercased(), $0) }) { first, _ in first }
        images = ImageCache(capacity: imageCache)
        self.partition = PartitionPolicy(mode: partition, localCores: cores)
        cacheDirectory = store.cacheDirectory
        table.withLock { table in
            for communication in communications { table.add(communication) }
        }
    }

    /// Brings back what was registered before; damaged or no longer fitting entries are told to the log and stay stored.
    public func restore() {
        for stored in store.functions() {
            let account = store.memory.account(named: stored.definition.tenant)
            defer { account.close() }
            var charge = MemoryCharge(account, .functions)
            charge.note(stored.definition.recordBytes)
            let function = RegisteredFunction(
                stored.definition, digest: stored.digest, imageSize: stored.imageSize, catalogue: self,
                charge: charge)
            table.withLock { $0.add(function) }
        }
        var waiting = store.compositions()
        while !waiting.isEmpty {
            var failed: [(StoredComposition, Failure)] = []
            var last: CompiledText?
            for stored in waiting {
                let compiled = last.flatMap { $0.serves(stored) ? $0 : nil } ?? compile(stored)
                last = compiled
                do { try adopt(stored, compiled) } catch { failed.append((stored, error)) }
            }
            if failed.count == waiting.count {
                for (stored, failure) in failed {
                    Log.error("composition '\(stored.name)' cannot be restored: \(failure.detail)")
                }
                return
            }
            waiting = failed.map(\.0)
        }
    }

    /// One text may define thousands of compositions, each of which is stored: it is compiled and charged once for all, as
    /// when it was registered.
    private struct CompiledText {
        let text: String
        let tenant: String
        let graphs: Result<[String: CompositionGraph], Failure>
        let charge: MemoryHold

        func serves(_ stored: StoredComposition) -> Bool { text == stored.text && tenant == stored.tenant }
    }

    private func compile(_ stored: StoredComposition) -> CompiledText {
        let account = store.memory.account(named: stored.tenant)
        defer { account.close() }
        let charge = MemoryHold(noting: Self.bytes(ofText: stored.text), account, .compositions)
        return CompiledText(
            text: stored.text, tenant: stored.tenant, graphs: graphs(of: stored.text), charge: charge)
    }

    private func graphs(of text: String) -> Result<[String: CompositionGraph], Failure> {
        // Whatever the config says by now: the bound of the invocation holds in any case.
        var environment = environment
        environment.mostCalls = .max
        do throws(Failure) {
            let graphs = try CompositionGraph.compile(text, in: environment, shadowing: true)
            return .success(Dictionary(graphs.map { ($0.name, $0) }) { first, _ in first })
        } catch {
            return .failure(error)
        }
    }

    private func adopt(_ stored: StoredComposition, _ compiled: CompiledText) throws(Failure) {
        guard let graph = try compiled.graphs.get()[stored.name] else {
            throw Failure(.invalid, "its text does not define it")
        }
        table.withLock { $0.add(graph, text: compiled.text, charge: compiled.charge) }
    }

    // MARK: Looking up

    public func entry(named name: String) -> CatalogueEntry? { table.withLock { $0.entry(named: name) } }

    /// At most `limit` functions in the order of their names, from behind `name` on.
    public func functions(after name: String? = nil, limit: Int) -> [RegisteredFunction] {
        table.withLock { $0.functions(after: name, limit: limit) }
    }

    /// At most `limit` compositions in the order of their names, from behind `name` on.
    public func compositions(after name: String? = nil, limit: Int) -> [CompositionGraph] {
        table.withLock { $0.compositions(after: name, limit: limit) }
    }

    /// All, in the order of their names.
    public func communications() -> [CommFunction] { table.withLock { $0.allCommunications } }

    /// Registered names that `name` may be a misspelling of: a few hundred of those that come before and after it.
    public func names(near name: String) -> [String] { table.withLock { $0.names(near: name) } }

    /// The text that a composition was registered with.
    public func text(ofComposition name: String) -> String? { table.withLock { $0.text(ofComposition: name) } }

    /// Why `name` cannot be used: nothing of that kind has it. Names the nearest of those around it.
    public func nothing(named name: String, kind: String = "function or composition") -> Failure {
        let known = names(near: name).filter { $0 != name }
        let hint = Nearest.nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
        return Failure(.notFound, "no \(kind) is registered as '\(name)'\(hint)", [.init("name", name)])
    }

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

    private var environment: Environment { environment(suggests: true) }

    private func environment(suggests: Bool) -> Environment {
        Environment(
            mostCalls: mostCalls,
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
        let graphs = try CompositionGraph.compile(text, in: environment(suggests: suggests), shadowing: true)
        guard graphs.count == 1, let graph = graphs.first else {
            throw Failure(.invalid, "the text must define exactly one composition, not \(graphs.count)")
        }
        return graph
    }

    // MARK: Changing

    /// What registering refuses before it looks at the image.
    public func check(_ definition: FunctionDefinition, replacing: Bool) throws(Failure) {
        try Names.check(definition)
        _ = try runClass(named: definition.className)
        try refuseTaken(definition, replacing)
    }

    /// Registers a function: checks it, loads its image once, stores it.
    ///
    /// With `replacing`, a function of that name gives its place up at once: each request finds the one or the other. An
    /// image that is compiled waits for its turn among the tenants', by `weight`.
    /// - Parameter account: Of who registers it; what loading the image takes is charged there, and what is kept.
    /// - Throws: `.conflict` when the name is taken, `.invalid` for a bad image or definition, `.tooLarge` or `.memory` when
    ///   it could never run, `.busy`, `.unavailable`.
    /// - Returns: whether it took another's place.
    @discardableResult
    public func register(
        _ definition: FunctionDefinition, image: Blob, account: MemoryAccount, weight: UInt64 = 1,
        replacing: Bool = false,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> Bool {
        try check(definition, replacing: replacing)
        let runClass = try runClass(named: definition.className)
        var definition = definition
        definition.className = runClass.name
        definition = try definition.moved(to: account)
        definition.tenant = account.name
        var charge = MemoryCharge(account, .functions)
        try charge.grow(by: definition.recordBytes)
        let digest = Store.digest(of: image)
        let choice = ImageChoice(digest: digest, entry: definition.entry)
        let function = RegisteredFunction(
            definition, digest: digest, imageSize: image.count, catalogue: self, charge: charge)
        let compute = try function.compute(in: nil)
        let limit = compute.memoryLimit
        try refuseBeyondMemory(definition, limit, in: runClass)
        // Unless it is registered in the end, the image is nobody's.
        var isRegistered = false
        defer {
            if !isRegistered { function.forgetSnapshots() }
            forgetUnused(digest)
        }
        let caller = Turns.Caller(tenant: account.name, weight: weight)
        let loaded = try Turns.working(for: caller) { () throws(Failure) in
            try load(image, choice, label: definition.name, in: runClass, account: account, progress: progress)
        }
        guard loaded.contextMin <= limit else {
            throw Failure(
                .tooLarge,
                "the image of '\(definition.name)' needs \(loaded.contextMin) bytes of memory, its limit is \(limit)",
                [.init("function", definition.name)])
        }
        try compute.prepare(loaded, account: account)
        return try changing.withLock { _ throws(Failure) in
            try refuseTaken(definition, replacing)
            let old = table.withLock { $0.functions[definition.name] }
            if let old { old.keepImage(try? store.openImage(old.digest)) }
            try store.save(definition, image: image, digest: digest, replacing: replacing)
            table.withLock { $0.add(function) }
            isRegistered = true
            if let old {
                images.removeAll(preparedFor: old.number)
                old.forgetSnapshots()
                forgetUnused(old.digest)
            }
            return old != nil
        }
    }

    private func refuseBeyondMemory(
        _ definition: FunctionDefinition, _ limit: UInt64, in runClass: RunClass
    ) throws(Failure) {
        let memory = store.memory.limit
        guard Int(clamping: limit) > memory else { return }
        let whose =
            definition.memoryLimit == nil ? "by the memory_limit of class '\(runClass.name)'" : "as it is registered"
        throw Failure(
            .memory,
            "function '\(definition.name)' may need \(limit) bytes \(whose), and this node has \(memory) for all: "
                + "register it with a smaller 'memory'",
            [
                .init("function", definition.name), .init("class", runClass.name), .init("wanted", String(limit)),
                .init("limit", String(memory)),
            ])
    }

    /// Registers every composition of a text, or none.
    /// - Returns: their names.
    public func register(
        compositions text: String, account: MemoryAccount, expecting name: String? = nil
    ) throws(Failure) -> [String] {
        let charge = try MemoryHold(Self.bytes(ofText: text), account, .compositions)
        return try changing.withLock { _ throws(Failure) in
            let graphs = try CompositionGraph.compile(text, in: environment)
            let names = graphs.map(\.name)
            guard !graphs.isEmpty else { throw Failure(.invalid, "the text defines no composition") }
            if let name, !names.contains(name) {
                throw Failure(.invalid, "the text defines \(names.joined(separator: ", ")), not '\(name)'")
            }
            try refuseTaken(names)
            try store.save(compositions: names, text: text, tenant: account.name)
            table.withLock { table in
                for graph in graphs { table.add(graph, text: text, charge: charge) }
            }
            return names
        }
    }

    /// - Throws: `.notFound`, or `.conflict` when a composition uses it.
    public func removeFunction(_ name: String) throws(Failure) {
        try changing.withLock { _ throws(Failure) in
            guard let function = table.withLock({ $0.functions[name] }) else {
                throw nothing(named: name, kind: "function")
            }
            try refuseUsed(name)
            function.keepImage(try? store.openImage(function.digest))
            try store.removeFunction(name)
            table.withLock { $0.removeFunction(name) }
            forgetUnused(function.digest)
            images.removeAll(preparedFor: function.number)
            function.forgetSnapshots()
        }
    }

    public func removeComposition(_ name: String) throws(Failure) {
        try changing.withLock { _ throws(Failure) in
            guard table.withLock({ $0.compositions[name] != nil }) else {
                throw nothing(named: name, kind: "composition")
            }
            try refuseUsed(name)
            try store.removeComposition(name)
            table.withLock { $0.removeComposition(name) }
        }
    }

    /// - Throws: `.conflict`, with what can be done, unless the name is free or its function may be replaced.
    private func refuseTaken(_ definition: FunctionDefinition, _ replacing: Bool) throws(Failure) {
        let name = definition.name
        guard replacing, case .function(let taken) = entry(named: name) else { return try refuseTaken([name]) }
        let old = taken.definition
        let isSame = old.inputs.map(\.name) == definition.inputs.map(\.name) && old.outputs == definition.outputs
        if !isSame { try refuseUsed(name) }
    }

    private func refuseTaken(_ names: [String]) throws(Failure) {
        for name in names {
            guard let entry = entry(named: name) else { continue }
            throw Failure(.conflict, "'\(name)' is registered already, \(entry.wayOut)", [.init("name", name)])
        }
    }

    private func refuseUsed(_ name: String) throws(Failure) {
        let (users, count) = table.withLock { $0.users(of: name, most: 10) }
        guard count > 0 else { return }
        let others = count > users.count ? " and \(count - users.count) more" : ""
        throw Failure(
            .conflict, "'\(name)' is used by \(users.sorted().joined(separator: ", "))\(others); remove that first",
            [.init("name", name)])
    }

    // MARK: Images

    /// Loads on `next` every image that is loaded on `old`, so that a reload costs no request the loading, and so that a
    /// plugin which refuses one of them is found out before.
    public func loadImages(of old: ComputeBackend, on next: ComputeBackend) throws(Failure) {
        for key in images.keys(of: ObjectIdentifier(old)) {
            let account = old.instance.memory.own
            guard let bytes = try registeredImage(key.digest, account) else { continue }
            let loader = ImageLoader(
                label: key.digest, entry: key.entry, cacheDirectory: cacheDirectory, account: account, progress: nil)
            let translator = try translator(named: key.translator)
            guard let loaded = try loader.load(bytes, on: next, by: translator) else {
                throw Failure(.conflict, "it does not know the format of image \(key.digest)")
            }
            let own = ImageCache.Key(
                backend: ObjectIdentifier(next), digest: key.digest, entry: key.entry, translator: key.translator)
            images.insert(loaded, own)
        }
    }

    func versions(of image: ImageChoice) -> [CodeVersion] {
        images.images(of: image).compactMap(CodeVersion.init).sorted { $0.backend < $1.backend }
    }

    /// How many loaded images are in each version that their backends make better.
    public var imageVersions: [String: Int] { images.versions() }

    /// Nil when no function has it any more.
    private func registeredImage(_ digest: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        do throws(Failure) {
            return try store.image(digest, account)
        } catch {
            guard table.withLock({ !$0.hasFunction(withImage: digest) }) else { throw error }
            return nil
        }
    }

    /// Keeps an image no longer that no function has: it may have been loaded for a request that outlived its function.
    private func forgetUnused(_ digest: String) {
        if table.withLock({ !$0.hasFunction(withImage: digest) }) { images.removeAll(of: digest) }
    }

    private func translator(named name: String?) throws(Failure) -> Translator? {
        guard let name else { return nil }
        let slots = classes.values.lazy.flatMap(\.translators)
        guard let found = slots.compactMap(\.current).first(where: { $0.name == name }) else {
            throw Failure(.unavailable, "translator '\(name)' is unavailable")
        }
        return found
    }

    /// Keeps no image of `backend` any longer.
    public func forgetImages(of backend: ComputeBackend) { images.removeAll(of: ObjectIdentifier(backend)) }

    /// Adds a communication function, whose plugin has become available.
    public func offer(_ function: CommFunction) {
        table.withLock { $0.add(function) }
    }

    /// The image of a function; `kept` is its file, once the function was removed.
    func image(
        _ choice: ImageChoice, of function: String, in runClass: RunClass, fresh: Bool, account: MemoryAccount,
        kept: KeptImage
    ) throws(Failure) -> ComputeImage {
        if !fresh, let image = cachedImage(choice, in: runClass) { return image }
        defer { forgetUnused(choice.digest) }
        func loadStored() throws(Failure) -> ComputeImage {
            let bytes = try bytes(of: choice.digest, account, kept)
            return try loadAtOnce(bytes, choice, of: function, in: runClass, account)
        }
        guard !fresh else { return try loadStored() }
        // Every engine may need the image at once: the first loads it, the others wait.
        return try loading.alone(choice.digest) { () throws(Failure) in
            if let image = cachedImage(choice, in: runClass) { return image }
            return try loadStored()
        }
    }

    private func bytes(of digest: String, _ account: MemoryAccount, _ kept: KeptImage) throws(Failure) -> Blob {
        do throws(Failure) {
            return try store.image(digest, account)
        } catch {
            // A function that was removed meanwhile has its file still.
            guard error.kind == .internal, let file = kept.file else { throw error }
            return try file.read(account, .images)
        }
    }

    /// Loads on an engine's thread, on which nothing may take long: an image that must be compiled anew is prepared by a
    /// helper, and whoever asks meanwhile is to come again.
    private func loadAtOnce(
        _ bytes: Blob, _ choice: ImageChoice, of function: String, in runClass: RunClass, _ account: MemoryAccount
    ) throws(Failure) -> ComputeImage {
        let caller = Turns.Caller(mayWait: false)
        do {
            return try Turns.working(for: caller) { () throws(Failure) in
                try load(bytes, choice, label: function, in: runClass, account: account)
            }
        } catch  where caller.wasRefused {
            prepare(bytes, choice, of: function, in: runClass, account)
            throw Failure(
                .unavailable, "function '\(function)' is being compiled again; it can be run when that is done",
                [.init("function", function), .init("retryAfter", "5")])
        }
    }

    private func prepare(
        _ bytes: Blob, _ choice: ImageChoice, of function: String, in runClass: RunClass, _ account: MemoryAccount
    ) {
        guard preparing.withLock({ $0.insert(choice).inserted }) else { return }
        let accepted = HelperThreads.shared.submit {
            do throws(Failure) {
                _ = try self.load(bytes, choice, label: function, in: runClass, account: account)
            } catch {
                Log.warning("function '\(function)' cannot be prepared: \(error.detail)")
            }
            _ = self.preparing.withLock { $0.remove(choice) }
        }
        if !accepted { _ = preparing.withLock { $0.remove(choice) } }
    }

    private func cachedImage(_ choice: ImageChoice, in runClass: RunClass) -> ComputeImage? {
        func key(_ backend: ObjectIdentifier, _ translator: String? = nil) -> ImageCache.Key {
            ImageCache.Key(backend: backend, digest: choice.digest, entry: choice.entry, translator: translator)
        }
        for backend in runClass.backends {
            let backend = ObjectIdentifier(backend)
            if let image = images.image(key(backend)) { return image }
            for translator in runClass.translators {
                if let image = images.image(key(backend, translator.name)) { return image }
            }
        }
        return nil
    }

    /// Loads an image on the first backend of the class that knows its format, else on the first for which a translator of
    /// the class can make one, and caches it.
    private func load(
        _ bytes: Blob, _ choice: ImageChoice, label: String, in runClass: RunClass, account: MemoryAccount,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> ComputeImage {
        let loader = ImageLoader(
            label: label, entry: choice.entry, cacheDirectory: cacheDirectory, account: account,
            progress: progress ?? LoadProgress(label).told)
        for translator in [nil] + runClass.translators.compactMap(\.current) {
            for backend in runClass.backends {
                guard let loaded = try loader.load(bytes, on: backend, by: translator) else { continue }
                let key = ImageCache.Key(
                    backend: ObjectIdentifier(backend), digest: choice.digest, entry: choice.entry,
                    translator: translator?.name)
                images.insert(loaded, key)
                return loaded
            }
        }
        throw loader.unknownFormat(in: runClass)
    }
}

extension CatalogueEntry {
    /// What is registered under a name that somebody else wants, and what to do about it.
    fileprivate var wayOut: String {
        switch self {
        case .function(let function):
            "as a function of class '\(function.definition.className)'; delete it first, replace it at once by "
                + "replace=true, or leave it and name another class when you invoke it, by class=NAME"
        case .composition: "as a composition; delete it first"
        case .communication: "as a communication function of the node's config"
        }
    }

    /// What a composition must know to call it.
    public var signature: Signature {
        switch self {
        case .function(let function):
            Signature(
                .compute, inputs: function.definition.inputs.map(\.name), outputs: function.definition.outputs)
        case .communication(let function, _):
            Signature(
                .communication,
                variants: function.signatures.map { Signature.Variant(inputs: $0.inputs, outputs: $0.outputs) })
        case .composition(let graph): graph.signature
        }
    }
}
