public import Failure
public import Items
internal import Synchronization

extension Store {
    /// Keeps a function. When this returns it survives; when it throws nothing was changed.
    /// - Parameter digest: of `image`.
    /// - Throws: `.conflict` when the name is taken, `.internal` when the disk fails.
    public func save(_ definition: FunctionDefinition, image: Blob, digest: String) throws(Failure) {
        let function = StoredFunction(definition: definition, digest: digest, imageSize: image.count)
        let blobs = [image] + function.boundContents
        let names = [function.image] + function.boundContents.map(StoredContent.init)
        let file = StoreName.fileName(for: definition.name)
        try index.withLock { index throws(Failure) in
            guard index.functions[file] == nil, !index.unreadable.contains(file) else {
                throw Failure(.conflict, "a function named '\(definition.name)' is stored already")
            }
            do throws(Failure) {
                // Contents before the record that needs them.
                for (name, blob) in zip(names, blobs) where index.uses[name] == nil {
                    try write(name.digest, blob, to: contents)
                }
                let record = StoreFormat.frame(function.json(sequence: index.nextSequence))
                try write(file, Blob(record), to: functionsFolder)
            } catch {
                // Should it be there, whether it would survive is unknown.
                functionsFolder.discard(file)
                discardUnused(names, index)
                throw error
            }
            index.functions[file] = (index.nextSequence, function)
            index.nextSequence += 1
            index.use(names)
        }
    }

    /// Keeps a text and the names of the compositions that it defines: all or none.
    /// - Throws: `.conflict` when a name is taken, `.internal` when the disk fails.
    public func save(compositions names: [String], text: String, tenant: String = "") throws(Failure) {
        try index.withLock { index throws(Failure) in
            let taken = index.texts.values.flatMap(\.names)
            if let name = names.first(where: taken.contains) {
                throw Failure(.conflict, "a composition named '\(name)' is stored already")
            }
            let stored = StoredText(names: names, text: text, tenant: tenant)
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

    /// Forgets a function, durably.
    /// - Throws: `.notFound`; `.internal` when the disk fails, and then it may or may not return at a start.
    public func removeFunction(_ name: String) throws(Failure) {
        let file = StoreName.fileName(for: name)
        try index.withLock { index throws(Failure) in
            guard let function = index.functions[file]?.function else {
                throw Failure(.notFound, "no function is stored as '\(name)'")
            }
            _ = try functionsFolder.remove(file)
            index.functions[file] = nil
            let names = [function.image] + function.boundContents.map(StoredContent.init)
            index.release(names)
            discardUnused(names, index)
            openImages.closeAll()
        }
    }

    /// Forgets a composition; as `removeFunction`. Others of the same text stay.
    public func removeComposition(_ name: String) throws(Failure) {
        try index.withLock { index throws(Failure) in
            guard let (sequence, found) = index.texts.first(where: { $0.value.names.contains(name) }) else {
                throw Failure(.notFound, "no composition is stored as '\(name)'")
            }
            var stored = found
            stored.names.removeAll { $0 == name }
            if stored.names.isEmpty {
                _ = try textsFolder.remove("\(sequence)")
                index.texts[sequence] = nil
            } else {
                try write(stored, sequence)
                index.texts[sequence] = stored
            }
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
