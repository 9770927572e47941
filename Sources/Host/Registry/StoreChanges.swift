public import Failure
public import Items
internal import Synchronization

extension Store {
    /// Keeps a function. When this returns it survives; when it throws nothing was changed.
    /// - Parameters:
    ///   - digest: of `image`.
    ///   - replacing: A function of that name and version is forgotten at the same moment.
    /// - Throws: `.conflict` when the name is taken, `.internal` when the disk fails.
    public func save(
        _ definition: FunctionDefinition, image: Blob, digest: String, version: Int = 1, replacing: Bool = false
    ) throws(Failure) {
        let function = StoredFunction(
            definition: definition, digest: digest, imageSize: image.count, version: version)
        let file = StoreName.fileName(for: definition.name, in: definition.space, version: version)
        try index.withLock { index throws(Failure) in
            let old = index.functions[file]
            guard old == nil || replacing, !index.unreadable.contains(file) else {
                throw Failure(.conflict, "a function named '\(definition.name)' is stored already")
            }
            let sequence = old?.sequence ?? index.nextSequence
            do throws(Failure) {
                // Contents before the record that needs them.
                for (name, blob) in zip(function.contents, [image] + function.boundContents) {
                    try keep(name, blob, of: definition.space, index)
                }
                try write(file, Blob(StoreFormat.frame(function.json(sequence: sequence))), to: functionsFolder)
            } catch {
                // Should it be there, whether it would survive is unknown; of two records the contents of both may be needed,
                // and what is not is removed at the next start.
                if old == nil {
                    functionsFolder.discard(file)
                    discardUnused(function.contents, index)
                }
                throw error
            }
            index.functions[file] = (sequence, function)
            if old == nil { index.nextSequence += 1 }
            index.use(function)
            if let old { forget(old.function, &index) }
        }
    }

    /// Keeps a content, once for all who have it. What only others have is written as if it were new, and let go: by the time that
    /// takes nobody learns that it was there.
    private func keep(
        _ name: StoredContent, _ blob: Blob, of space: String, _ index: StoreIndex
    ) throws(Failure) {
        guard index.usesBySpace[space]?[name] == nil else { return }
        guard index.uses[name] != nil else { return try write(name.digest, blob, to: contents) }
        try blob.withUnsafeBytes { bytes throws(Failure) in try contents.rehearse(name.digest, bytes, by: temporary) }
    }

    /// Keeps a text and the names of the compositions that it defines, each with its version: all or none.
    /// - Throws: `.conflict` when a name is taken, `.internal` when the disk fails.
    public func save(
        compositions names: [String], text: String, tenant: String = "", space: String = Space.standard,
        versions: [Int]? = nil
    ) throws(Failure) {
        let stored = StoredText(names: names, text: text, tenant: tenant, space: space, versions: versions)
        try index.withLock { index throws(Failure) in
            let taken = index.labels(in: space)
            if let label = stored.labels.first(where: taken.contains) {
                throw Failure(.conflict, "a composition named '\(label)' is stored already")
            }
            do throws(Failure) {
                try write(stored, index.nextSequence)
            } catch {
                textsFolder.discard("\(index.nextSequence)")
                throw error
            }
            index.texts[index.nextSequence] = stored
            index.nextSequence += 1
        }
    }

    /// Forgets a version of a function, durably.
    /// - Throws: `.notFound`; `.internal` when the disk fails, and then it may or may not return at a start.
    public func removeFunction(
        _ name: String, in space: String = Space.standard, version: Int = 1
    ) throws(Failure) {
        let file = StoreName.fileName(for: name, in: space, version: version)
        try index.withLock { index throws(Failure) in
            guard let function = index.functions[file]?.function else {
                throw Failure(.notFound, "no function is stored as '\(name)'")
            }
            _ = try functionsFolder.remove(file)
            index.functions[file] = nil
            forget(function, &index)
        }
    }

    /// Gives up what the function alone needs.
    private func forget(_ function: StoredFunction, _ index: inout StoreIndex) {
        index.release(function)
        discardUnused(function.contents, index)
        openImages.closeAll()
    }

    /// Forgets a composition; as `removeFunction`. Others of the same text stay.
    public func removeComposition(
        _ name: String, in space: String = Space.standard, version: Int = 1
    ) throws(Failure) {
        let label = VersionedName.text(name, version)
        try index.withLock { index throws(Failure) in
            let known = index.texts.first { $0.value.space == space && $0.value.labels.contains(label) }
            guard let (sequence, found) = known else {
                throw Failure(.notFound, "no composition is stored as '\(name)'")
            }
            var stored = found
            stored.remove(name, version)
            if stored.names.isEmpty {
                _ = try textsFolder.remove("\(sequence)")
                index.texts[sequence] = nil
            } else {
                try write(stored, sequence)
                index.texts[sequence] = stored
            }
        }
    }

    /// Keeps an alias, in the place of the one of its name. When this returns it survives.
    func save(_ alias: StoredAlias) throws(Failure) {
        try index.withLock { index throws(Failure) in
            guard !index.unreadable.contains(alias.fileName) else {
                throw Failure(.conflict, "the record of alias '\(alias.alias)' of '\(alias.name)' cannot be read")
            }
            try write(alias.fileName, Blob(StoreFormat.frame(alias.json)), to: aliasesFolder)
            index.aliases[alias.fileName] = alias
        }
    }

    /// Forgets an alias, durably.
    func remove(alias: String, of name: String, in space: String) throws(Failure) {
        let file = StoreName.fileName(for: VersionedName.text(name, alias), in: space)
        try index.withLock { index throws(Failure) in
            _ = try aliasesFolder.remove(file)
            index.aliases[file] = nil
        }
    }

    private func write(_ text: StoredText, _ sequence: Int64) throws(Failure) {
        try write("\(sequence)", Blob(StoreFormat.frame(text.json(sequence: sequence))), to: textsFolder)
    }

    private func write(_ name: String, _ content: Blob, to folder: StoreFolder) throws(Failure) {
        try content.withUnsafeBytes { bytes throws(Failure) in try folder.write(name, bytes, by: temporary) }
    }

    private func discardUnused(_ names: [StoredContent], _ index: StoreIndex) {
        for name in names where index.uses[name] == nil { contents.discard(name.digest) }
    }
}
