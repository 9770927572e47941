internal import Composition
internal import Engines
public import Failure
public import Items
public import Memory
internal import PluginHost
internal import Synchronization

// Registering and removing in a tenant's space.

extension Space {
    /// What registering refuses before it looks at the image.
    public func check(_ definition: FunctionDefinition, replacing: Bool) throws(Failure) {
        try Names.check(definition)
        _ = try catalogue.runClass(named: definition.className)
        try catalogue.kept(self).refuseTaken(definition, replacing)
    }

    /// Registers a function: checks it, loads its image once, stores it.
    ///
    /// With `replacing`, a function of that name gives its place up at once: each request finds the one or the other. An
    /// image that is compiled waits for its turn among the tenants', by `weight`.
    /// - Parameters:
    ///   - account: Of who registers it; what loading the image takes is charged there, and what is kept.
    ///   - isShared: The fleet has it already.
    /// - Throws: `.conflict` when the name is taken, `.invalid` for a bad image or definition, `.tooLarge` or `.memory` when
    ///   it could never run, `.busy`, `.unavailable`.
    /// - Returns: whether it took another's place.
    @discardableResult
    public func register(
        _ definition: FunctionDefinition, image: Blob, account: MemoryAccount, weight: UInt64 = 1,
        replacing: Bool = false, isShared: Bool = false,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> Bool {
        try check(definition, replacing: replacing)
        let function = try function(definition, image, account)
        try refuseBeyondQuota(of: function)
        // Unless it is registered in the end, the image is nobody's.
        var isRegistered = false
        defer {
            if !isRegistered { function.forgetSnapshots() }
            catalogue.kept(self).forgetUnused(function.digest)
        }
        try prepare(function, image, account, Turns.Caller(tenant: account.name, weight: weight), progress)
        let hadPlace = try catalogue.kept(self).adopt(function, image, replacing, isShared)
        isRegistered = true
        return hadPlace
    }

    /// - Throws: when it could never run.
    private func function(
        _ given: FunctionDefinition, _ image: Blob, _ account: MemoryAccount
    ) throws(Failure) -> RegisteredFunction {
        let runClass = try catalogue.runClass(named: given.className)
        var definition = try given.moved(to: account)
        definition.className = runClass.name
        definition.tenant = account.name
        definition.space = name
        var charge = MemoryCharge(account, .functions)
        try charge.grow(by: definition.recordBytes)
        let function = RegisteredFunction(
            definition, digest: Store.digest(of: image), imageSize: image.count, catalogue: catalogue, charge: charge)
        try refuseBeyondMemory(definition, try function.compute(in: nil).memoryLimit, in: runClass)
        return function
    }

    /// Loads the image and has its program prepare what it can.
    private func prepare(
        _ function: RegisteredFunction, _ image: Blob, _ account: MemoryAccount, _ caller: Turns.Caller,
        _ progress: (@Sendable (Int, String) -> Void)?
    ) throws(Failure) {
        let definition = function.definition
        let runClass = try catalogue.runClass(named: definition.className)
        let compute = try function.compute(in: nil)
        let loaded = try Turns.working(for: caller) { () throws(Failure) in
            try catalogue.load(
                image, function.image, label: definition.name, in: runClass, account: account, progress: progress)
        }
        guard loaded.contextMin <= compute.memoryLimit else {
            throw Failure(
                .tooLarge,
                "the image of '\(definition.name)' needs \(loaded.contextMin) bytes of memory, its limit is "
                    + "\(compute.memoryLimit)",
                [.init("function", definition.name)])
        }
        try compute.prepare(loaded, account: account)
    }

    /// - Returns: whether it took another's place.
    private func adopt(
        _ function: RegisteredFunction, _ image: Blob, _ replacing: Bool, _ isShared: Bool
    ) throws(Failure) -> Bool {
        let definition = function.definition
        let stored = StoredFunction(definition: definition, digest: function.digest, imageSize: image.count)
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        return try changing.withLock { _ throws(Failure) in
            try refuseTaken(definition, replacing)
            let old = table.withLock { $0.functions[definition.name] }
            try refuseBeyondQuota(of: function)
            if let old { old.keepImage(try? catalogue.store.openImage(old.digest)) }
            let change = SharedChange(
                space: name, name: definition.name, content: .function(stored), replaces: replacing)
            try catalogue.agreed([change], isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.save(definition, image: image, digest: function.digest, replacing: replacing)
                table.withLock { $0.add(function) }
            }
            if let old { forget(old) }
            return old != nil
        }
    }

    private func forget(_ function: RegisteredFunction) {
        catalogue.images.removeAll(preparedFor: function.number)
        function.forgetSnapshots()
        forgetUnused(function.digest)
    }

    private func refuseBeyondQuota(of function: RegisteredFunction) throws(Failure) {
        let old = table.withLock { $0.functions[function.definition.name] }
        try refuseBeyondQuota(names: 1, bytes: function.storedBytes, replacing: old)
    }

    private func refuseBeyondMemory(
        _ definition: FunctionDefinition, _ limit: UInt64, in runClass: RunClass
    ) throws(Failure) {
        let memory = catalogue.store.memory.mostForRun
        guard Int(clamping: limit) > memory else { return }
        let whose =
            definition.memoryLimit == nil ? "by the memory_limit of class '\(runClass.name)'" : "as it is registered"
        throw Failure(
            .memory,
            "function '\(definition.name)' may need \(limit) bytes \(whose), and this node gives one function \(memory) at most: "
                + "register it with a smaller 'memory'",
            [
                .init("function", definition.name), .init("class", runClass.name), .init("wanted", String(limit)),
                .init("limit", String(memory)),
            ])
    }

    /// Registers every composition of a text, or none; with `isShared`, only the one that is expected, which the fleet has
    /// already.
    /// - Returns: their names.
    public func register(
        compositions text: String, account: MemoryAccount, expecting name: String? = nil, isShared: Bool = false
    ) throws(Failure) -> [String] {
        let charge = try MemoryHold(Catalogue.bytes(ofText: text), account, .compositions)
        let space = catalogue.kept(self)
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        return try space.changing.withLock { _ throws(Failure) in
            var graphs = try CompositionGraph.compile(text, in: space.environment(), shadowing: isShared)
            if isShared { graphs.removeAll { $0.name != name } }
            let names = graphs.map(\.name)
            guard !graphs.isEmpty else { throw Failure(.invalid, "the text defines no composition") }
            if let name, !names.contains(name) {
                throw Failure(.invalid, "the text defines \(names.joined(separator: ", ")), not '\(name)'")
            }
            try space.refuseTaken(names)
            try space.refuseBeyondQuota(names: names.count, bytes: text.utf8.count)
            let changes = names.map { SharedChange(space: space.name, name: $0, content: .composition(text)) }
            try catalogue.agreed(changes, isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.save(compositions: names, text: text, tenant: account.name, space: space.name)
                space.table.withLock { table in
                    for graph in graphs {
                        table.add(
                            RegisteredComposition(graph, text: text, of: graphs.count, space: space, charge: charge))
                    }
                }
            }
            return names
        }
    }

    /// - Throws: `.notFound`, or `.conflict` when a composition uses it or it is published.
    public func removeFunction(_ name: String, isShared: Bool = false) throws(Failure) {
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        try changing.withLock { _ throws(Failure) in
            guard let function = table.withLock({ $0.functions[name] }) else {
                throw nothing(named: name, kind: "function")
            }
            try refuseUsed(name)
            function.keepImage(try? catalogue.store.openImage(function.digest))
            let change = SharedChange(space: self.name, name: name, content: .nothing, replaces: true)
            try catalogue.agreed([change], isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.removeFunction(name, in: self.name)
                table.withLock { $0.removeFunction(name) }
            }
            forget(function)
        }
    }

    /// As `removeFunction`.
    public func removeComposition(_ name: String, isShared: Bool = false) throws(Failure) {
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        try changing.withLock { _ throws(Failure) in
            guard table.withLock({ $0.compositions[name] != nil }) else {
                throw nothing(named: name, kind: "composition")
            }
            try refuseUsed(name)
            let change = SharedChange(space: self.name, name: name, content: .nothing, replaces: true)
            try catalogue.agreed([change], isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.removeComposition(name, in: self.name)
                table.withLock { $0.removeComposition(name) }
            }
        }
    }

    // MARK: What is refused

    /// - Throws: `.conflict`, with what can be done, unless the name is free or its function may be replaced.
    private func refuseTaken(_ definition: FunctionDefinition, _ replacing: Bool) throws(Failure) {
        let name = definition.name
        guard replacing, case .function(let taken) = table.withLock({ $0.entry(named: name) }) else {
            return try refuseTaken([name])
        }
        let old = taken.definition
        let isSame = old.inputs.map(\.name) == definition.inputs.map(\.name) && old.outputs == definition.outputs
        if !isSame { try refuseUsed(name) }
    }

    private func refuseTaken(_ names: [String]) throws(Failure) {
        for name in names {
            if let entry = table.withLock({ $0.entry(named: name) }) {
                throw Failure(.conflict, "'\(name)' is registered already, \(entry.wayOut)", [.init("name", name)])
            }
            guard catalogue.publishers[name].map({ $0 == self.name }) ?? true else {
                throw Failure(
                    .conflict, "'\(name)' is a name that this node's operator publishes for all tenants",
                    [.init("name", name)])
            }
        }
    }

    private func refuseUsed(_ name: String) throws(Failure) {
        guard catalogue.publishers[name] != self.name else {
            throw Failure(
                .conflict,
                "'\(name)' is published for all tenants: before it goes or takes other sets, the node's config must "
                    + "publish it no more",
                [.init("name", name)])
        }
        let (users, count) = table.withLock { $0.users(of: name, most: 10) }
        guard count > 0 else { return }
        let others = count > users.count ? " and \(count - users.count) more" : ""
        throw Failure(
            .conflict, "'\(name)' is used by \(users.sorted().joined(separator: ", "))\(others); remove that first",
            [.init("name", name)])
    }

    /// Keeps an image no longer that no function of the tenant has: it may have been loaded for a request that outlived its
    /// function.
    func forgetUnused(_ digest: String) {
        if table.withLock({ !$0.hasFunction(withImage: digest) }) { catalogue.images.removeAll(of: digest, in: name) }
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
}
