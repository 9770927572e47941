internal import Engines
public import Failure
public import Items
public import Memory
internal import PluginHost
internal import Synchronization

// Registering functions in a tenant's space.

extension Space {
    /// What registering refuses before it looks at the image.
    public func check(_ definition: FunctionDefinition, as place: VersionPlace) throws(Failure) {
        try Names.check(definition)
        _ = try catalogue.runClass(named: definition.className)
        _ = try catalogue.kept(self).version(for: definition, as: place)
    }

    /// Registers a function: checks it, loads its image once, stores it.
    ///
    /// What had its place gives it up at once: each request finds the one or the other. An image that is compiled waits for its
    /// turn among the tenants', by `weight`.
    /// - Parameters:
    ///   - account: Of who registers it; what loading the image takes is charged there, and what is kept.
    ///   - isShared: The fleet has it already.
    /// - Throws: `.conflict` when the name is taken, `.invalid` for a bad image or definition, `.tooLarge` or `.memory` when
    ///   it could never run, `.busy`, `.unavailable`.
    /// - Returns: which version it is, and whether it took another's place.
    @discardableResult
    public func register(
        _ definition: FunctionDefinition, image: Blob, account: MemoryAccount, weight: UInt64 = 1,
        as place: VersionPlace = .free, isShared: Bool = false,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> (version: Int, hasReplaced: Bool) {
        try check(definition, as: place)
        let function = try function(definition, image, account)
        try refuseBeyondQuota(of: function, as: place)
        // Unless it is registered in the end, the image is nobody's.
        var isRegistered = false
        defer {
            if !isRegistered { function.forgetSnapshots() }
            catalogue.kept(self).forgetUnused(function.digest)
        }
        try prepare(function, image, account, Turns.Caller(tenant: account.name, weight: weight), progress)
        let made = try catalogue.kept(self).adopt(function, image, place, isShared)
        isRegistered = true
        return made
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
            definition, version: 0, digest: Store.digest(of: image), imageSize: image.count, catalogue: catalogue,
            charge: charge)
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

    private func adopt(
        _ function: RegisteredFunction, _ image: Blob, _ place: VersionPlace, _ isShared: Bool
    ) throws(Failure) -> (version: Int, hasReplaced: Bool) {
        let definition = function.definition
        let name = definition.name
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        return try changing.withLock { _ throws(Failure) in
            let version = try version(for: definition, as: place)
            try refuseBeyondQuota(of: function, as: place)
            function.takes(version: version)
            let old = self.function(name, version)
            if let old { old.keepImage(try? catalogue.store.openImage(old.digest)) }
            let stored = StoredFunction(
                definition: definition, digest: function.digest, imageSize: image.count, version: version)
            let change = SharedChange(
                space: self.name, name: VersionedName.shared(name, version), content: .function(stored),
                replaces: place == .newest)
            try catalogue.agreed([change], isShared: isShared, &claim) { () throws(Failure) in
                try catalogue.store.save(
                    definition, image: image, digest: function.digest, version: version, replacing: old != nil)
                table.withLock { $0.add(function) }
            }
            if let old { forget(old) }
            if !isShared { dropOldVersions(of: name) }
            return (version, old != nil)
        }
    }

    private func function(_ name: String, _ version: Int) -> RegisteredFunction? {
        guard case .function(let function) = table.withLock({ $0.version(version, of: name) }) else { return nil }
        return function
    }

    private func refuseBeyondQuota(of function: RegisteredFunction, as place: VersionPlace) throws(Failure) {
        let newest = table.withLock { $0.functions[function.definition.name] }
        try refuseBeyondQuota(
            names: newest == nil ? 1 : 0, bytes: function.storedBytes, replacing: place == .newest ? newest : nil)
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
}
