internal import Composition
public import Failure
internal import Synchronization

/// An alias as it is called, with what it points to.
public struct RegisteredAlias: Sendable {
    public let name: String
    public let alias: String
    public let value: VersionAlias

    public var text: String { VersionedName.text(name, alias) }
}

// Aliases of a tenant's space.

extension Space {
    /// Those of one name, or all, in the order of their names.
    public func aliases(of name: String? = nil) -> [RegisteredAlias] {
        table.withLock { table in
            (name.map { [$0] } ?? table.aliasedNames).flatMap { name in
                table.aliases(of: name).map { RegisteredAlias(name: name, alias: $0.alias, value: $0.value) }
            }
        }
    }

    /// - Parameter text: `NAME@ALIAS`.
    /// - Throws: `.notFound`, `.invalid` for another form.
    public func alias(_ text: String) throws(Failure) -> RegisteredAlias {
        let (name, alias) = try aliasParts(text)
        guard let value = table.withLock({ $0.alias(alias, of: name) }) else { throw noAlias(text) }
        return RegisteredAlias(name: name, alias: alias, value: value)
    }

    /// Makes an alias, or has it point to other versions: the next request finds those, and what has begun ends on what it began on.
    /// - Parameters:
    ///   - text: `NAME@ALIAS`.
    ///   - shares: nil: those to which it pointed before the last change.
    /// - Throws: `.notFound`, `.invalid`; `.conflict` when the versions have other sets than one another, or than what compositions
    ///   call, or when there is nothing to go back to.
    public func set(alias text: String, to shares: [VersionAlias.Share]?) throws(Failure) -> RegisteredAlias {
        let (name, alias) = try aliasParts(text)
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        let space = catalogue.kept(self)
        return try space.changing.withLock { _ throws(Failure) in
            guard table.withLock({ $0.newest(named: text) == nil }) else {
                throw Failure(.conflict, "'\(text)' is the name of something else", [.init("name", text)])
            }
            let old = table.withLock { $0.alias(alias, of: name) }
            let wanted: [VersionAlias.Share]
            if let shares { wanted = shares } else { wanted = try space.previous(old, text) }
            if let old, old.shares == wanted { return RegisteredAlias(name: name, alias: alias, value: old) }
            try space.check(wanted, of: name)
            try space.refuseOtherSets(wanted, than: old, of: name, text)
            let value = VersionAlias(wanted, previous: old?.shares ?? [])
            let stored = StoredAlias(name: name, alias: alias, space: self.name, value: value)
            let change = SharedChange(space: self.name, name: text, content: .alias(stored), replaces: true)
            try catalogue.agreed([change], isShared: false, &claim) { () throws(Failure) in
                try space.keep(stored)
            }
            return RegisteredAlias(name: name, alias: alias, value: value)
        }
    }

    /// - Throws: `.notFound`, or `.conflict` when a composition calls it.
    public func remove(alias text: String) throws(Failure) {
        var claim: (any RegistrationClaim)?
        defer { claim?.waitForCopy() }
        try changing.withLock { _ throws(Failure) in
            let found = try alias(text)
            try refuseUsed([text], of: found.name)
            let change = SharedChange(space: name, name: text, content: .nothing, replaces: true)
            try catalogue.agreed([change], isShared: false, &claim) { () throws(Failure) in
                try catalogue.store.remove(alias: found.alias, of: found.name, in: name)
                table.withLock { $0.set(nil, found.alias, of: found.name) }
            }
        }
    }

    /// What the fleet has already.
    /// - Throws: `.notFound` while a version is not here yet.
    public func takeShared(_ stored: StoredAlias) throws(Failure) {
        let space = catalogue.kept(self)
        try space.changing.withLock { _ throws(Failure) in
            try space.check(stored.value.shares, of: stored.name)
            try space.keep(stored)
        }
    }

    private func keep(_ stored: StoredAlias) throws(Failure) {
        try catalogue.store.save(stored)
        table.withLock { $0.set(stored.value, stored.alias, of: stored.name) }
    }

    // MARK: What is refused

    private func aliasParts(_ text: String) throws(Failure) -> (name: String, alias: String) {
        guard let parts = VersionedName(text), case .alias(let alias) = parts.choice else {
            throw Failure(
                .invalid,
                "'\(text)' is not NAME@ALIAS, where an alias is of letters, digits and '_', 64 at most, and does not begin with a "
                    + "digit", [.init("name", text)])
        }
        return (parts.name, alias)
    }

    private func noAlias(_ text: String) -> Failure {
        Failure(.notFound, "there is no alias '\(text)'", [.init("name", text)])
    }

    private func previous(_ old: VersionAlias?, _ text: String) throws(Failure) -> [VersionAlias.Share] {
        guard let old else { throw noAlias(text) }
        guard !old.previous.isEmpty else {
            throw Failure(.conflict, "alias '\(text)' has pointed to nothing else yet", [.init("name", text)])
        }
        return old.previous
    }

    private func check(_ shares: [VersionAlias.Share], of name: String) throws(Failure) {
        let known = versions(of: name).compactMap(\.version)
        guard !known.isEmpty else { throw nothing(named: name) }
        guard !shares.isEmpty, shares.count <= VersionAlias.mostShares else {
            throw Failure(.invalid, "an alias points to 1 to \(VersionAlias.mostShares) versions, not \(shares.count)")
        }
        for (index, share) in shares.enumerated() {
            guard known.contains(share.version) else {
                let list = known.map(String.init).joined(separator: ", ")
                throw Failure(
                    .notFound, "'\(name)' has no version \(share.version); there are: \(list)", [.init("name", name)])
            }
            guard share.weight > 0, share.weight <= VersionAlias.largestWeight else {
                throw Failure(.invalid, "a weight must be 1 to \(VersionAlias.largestWeight), not \(share.weight)")
            }
            guard !shares[..<index].contains(where: { $0.version == share.version }) else {
                throw Failure(.invalid, "version \(share.version) is named twice")
            }
        }
    }

    /// Whoever calls an alias must be able to call every version of it alike.
    private func refuseOtherSets(
        _ shares: [VersionAlias.Share], than old: VersionAlias?, of name: String, _ text: String
    ) throws(Failure) {
        let signatures = shares.compactMap { share in
            table.withLock { $0.version(share.version, of: name)?.signature.variants }
        }
        guard let first = signatures.first, signatures.allSatisfy({ $0 == first }) else {
            throw Failure(
                .conflict, "the versions have other sets than one another: one alias cannot point to all of them",
                [.init("name", text)])
        }
        let before = old?.shares.first.flatMap { share in
            table.withLock { $0.version(share.version, of: name)?.signature.variants }
        }
        if let before, before != first { try refuseUsed([text], of: name) }
    }
}
