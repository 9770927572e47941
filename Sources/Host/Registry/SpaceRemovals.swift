public import Failure
internal import Synchronization

// Removing in a tenant's space.

extension Space {
    /// A function with all its versions and aliases, or one version by its number.
    /// - Throws: `.notFound`, or `.conflict` when a composition uses it, or an alias that version, or it is published.
    public func removeFunction(_ name: String) throws(Failure) {
        try remove(name, "function") { if case .function = $0 { true } else { false } }
    }

    /// As `removeFunction`.
    public func removeComposition(_ name: String) throws(Failure) {
        try remove(name, "composition") { if case .composition = $0 { true } else { false } }
    }

    private func remove(_ name: String, _ kind: String, _ isMeant: (CatalogueEntry) -> Bool) throws(Failure) {
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        try changing.withLock { _ throws(Failure) in
            if let newest = table.withLock({ $0.newest(named: name) }), isMeant(newest) {
                let (versions, aliases) = table.withLock { ($0.versions(of: name), $0.aliases(of: name).map(\.alias)) }
                try refuseUsed(names(of: name, versions, aliases), of: name, but: name)
                return try drop(versions, aliases, of: name, &claim)
            }
            guard let wanted = VersionedName(name), case .version(let number) = wanted.choice,
                let entry = table.withLock({ $0.version(number, of: wanted.name) }), isMeant(entry)
            else { throw nothing(named: name, kind: kind) }
            try refuseHeld(number, of: wanted.name)
            try drop([entry], [], of: wanted.name, &claim)
        }
    }

    private func names(of name: String, _ versions: [CatalogueEntry], _ aliases: [String]) -> [String] {
        [name] + versions.compactMap(\.version).map { VersionedName.text(name, $0) }
            + aliases.map { VersionedName.text(name, $0) }
    }

    private func refuseHeld(_ version: Int, of name: String) throws(Failure) {
        let (newest, holder) = table.withLock {
            ($0.newest(named: name)?.version, $0.holder(of: version, of: name))
        }
        guard newest != version else {
            throw Failure(
                .conflict,
                "version \(version) of '\(name)' is the newest, which '\(name)' alone means: register another, or remove "
                    + "'\(name)' as a whole", [.init("name", name)])
        }
        if let holder {
            throw Failure(
                .conflict, "version \(version) of '\(name)' is what \(holder) has", [.init("name", name)])
        }
    }

    /// Removes a version or an alias that the fleet has no more; `name` is what it calls that.
    public func removeShared(_ name: String) throws(Failure) {
        try changing.withLock { _ throws(Failure) in
            let exact = table.withLock { $0.newest(named: name) }
            let wanted = exact == nil ? VersionedName(name) : nil
            let base = wanted?.name ?? name
            if case .alias(let alias)? = wanted?.choice { return try dropHere([], [alias], of: base) }
            var number = 1
            if case .version(let version)? = wanted?.choice { number = version }
            let (entry, count) = table.withLock { ($0.version(number, of: base), $0.versions(of: base).count) }
            guard let entry else { return }
            let text = VersionedName.text(base, number)
            try refuseUsed(count == 1 ? [base, text] : [text], of: base, but: base)
            try dropHere([entry], [], of: base)
        }
    }

    /// Removes versions, the oldest first, without a question whether they are used; while something else is changed.
    func drop(_ entries: [CatalogueEntry], of name: String) throws(Failure) {
        var claim: (any RegistrationClaim)?
        try drop(entries, [], of: name, &claim)
    }

    private func drop(
        _ entries: [CatalogueEntry], _ aliases: [String], of name: String, _ claim: inout (any RegistrationClaim)?
    ) throws(Failure) {
        let called =
            aliases.map { VersionedName.text(name, $0) }
            + entries.compactMap(\.version).map { VersionedName.shared(name, $0) }
        let changes = called.map { SharedChange(space: self.name, name: $0, content: .nothing, replaces: true) }
        try catalogue.agreed(changes, isShared: false, &claim) { () throws(Failure) in
            try dropHere(entries, aliases, of: name)
        }
    }

    private func dropHere(_ entries: [CatalogueEntry], _ aliases: [String], of name: String) throws(Failure) {
        for case .function(let function) in entries {
            function.keepImage(try? catalogue.store.openImage(function.digest))
        }
        for alias in aliases {
            try catalogue.store.remove(alias: alias, of: name, in: self.name)
            table.withLock { $0.set(nil, alias, of: name) }
        }
        for entry in entries {
            guard let version = entry.version else { continue }
            if case .function(let function) = entry {
                try catalogue.store.removeFunction(name, in: self.name, version: version)
                table.withLock { $0.remove(version: version, of: name) }
                forget(function)
            } else {
                try catalogue.store.removeComposition(name, in: self.name, version: version)
                table.withLock { $0.remove(version: version, of: name) }
            }
        }
    }
}
