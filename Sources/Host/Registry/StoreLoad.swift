internal import Failure
internal import Items
internal import Memory
internal import Synchronization
internal import Telemetry

extension Store {
    /// Reads all records and removes what a crash left over.
    /// - Throws: when a folder as a whole cannot be used.
    func load() throws(Failure) {
        try index.withLock { index throws(Failure) in
            let loading = Loading(self)
            try loading.readFunctions()
            try loading.readTexts()
            try loading.readAliases()
            var leftovers = try temporary.sweep(keeping: [])
            // A record that could not be read may need any of the contents.
            if !loading.sawUnreadable {
                leftovers += try contents.sweep(keeping: Set(loading.index.uses.keys.map(\.digest)))
            }
            if leftovers > 0 { Log.info("state: removed \(leftovers) files that an earlier end left over") }
            index = loading.index
        }
    }
}

extension StoreFolder {
    /// Removes all files but these; returns how many.
    fileprivate func sweep(keeping kept: Set<String>) throws(Failure) -> Int {
        let names = try names().filter { !kept.contains($0) }
        for name in names { discard(name) }
        return names.count
    }
}

/// The state of one `load`.
private final class Loading {
    var index = StoreIndex()
    var sawUnreadable = false
    private let store: Store
    /// Contents that were read and found to have the digest that names them.
    private var intact: Set<StoredContent> = []

    private static let largestRecord = 64 << 20
    /// Far from where counting on could overflow.
    private static let endOfSequences: Int64 = 1 << 62

    init(_ store: Store) {
        self.store = store
    }

    func readFunctions() throws(Failure) {
        let folder = store.functionsFolder
        for file in try folder.names() {
            let read = try sorted(file, folder) { () throws(UnusableRecord) in
                let (sequence, fields) = try record(file, folder)
                let function = try StoredFunction(fields, content: content)
                if !intact.contains(function.image) { _ = try content(function.image, "") }
                let name = function.definition.name
                let place = StoreName.fileName(
                    for: name, in: function.definition.space, version: function.version)
                guard place == file else {
                    throw UnusableRecord(reason: "it is the record of '\(name)', under another file name")
                }
                return (sequence, function)
            }
            guard let (sequence, function) = read else { continue }
            index.functions[file] = (sequence, function)
            index.use(function)
        }
    }

    func readTexts() throws(Failure) {
        let folder = store.textsFolder
        for file in try folder.names() {
            let read = try sorted(file, folder) { () throws(UnusableRecord) in
                let (sequence, fields) = try record(file, folder)
                let text = try StoredText(fields)
                guard "\(sequence)" == file else {
                    throw UnusableRecord(reason: "it is record \(sequence), under another file name")
                }
                let taken = index.labels(in: text.space)
                if let label = text.labels.first(where: taken.contains) {
                    throw UnusableRecord(reason: "'\(label)' is in another record already")
                }
                return (sequence, text)
            }
            guard let (sequence, text) = read else { continue }
            index.texts[sequence] = text
        }
    }

    func readAliases() throws(Failure) {
        let folder = store.aliasesFolder
        for file in try folder.names() {
            let alias = try sorted(file, folder) { () throws(UnusableRecord) in
                let alias = try StoredAlias(try record(file, folder).fields)
                guard alias.fileName == file else {
                    throw UnusableRecord(reason: "it is the record of '\(alias.alias)', under another file name")
                }
                return alias
            }
            if let alias { index.aliases[file] = alias }
        }
    }

    /// What `read` gives. A record that it cannot use is told to the log; a damaged one is set aside, any other stays and
    /// its file name counts as taken.
    private func sorted<Record>(
        _ file: String, _ folder: StoreFolder, _ read: () throws(UnusableRecord) -> Record
    ) throws(Failure) -> Record? {
        do throws(UnusableRecord) {
            return try read()
        } catch {
            if error.isDamaged {
                let place = try folder.setAside(file, to: store.damaged)
                Log.error("state: \(folder.path)/\(file) is damaged: \(error.reason); it is now \(place)")
            } else {
                sawUnreadable = true
                index.unreadable.insert(file)
                if let sequence = Int64(file) { reserve(sequence) }
                Log.error("state: \(folder.path)/\(file) cannot be used now: \(error.reason)")
            }
            return nil
        }
    }

    private func record(
        _ file: String, _ folder: StoreFolder
    ) throws(UnusableRecord) -> (sequence: Int64, fields: RecordFields) {
        let bytes: Blob
        do throws(Failure) {
            bytes = try folder.read(file, limit: Self.largestRecord)
        } catch {
            throw UnusableRecord(reason: error.detail, isDamaged: false)
        }
        let fields = try StoreFormat.unframe(bytes.array)
        let sequence = try fields.number("sequence")
        guard sequence < Self.endOfSequences else { throw UnusableRecord(reason: "'sequence' is too large") }
        reserve(sequence)
        return (sequence, fields)
    }

    private func reserve(_ sequence: Int64) {
        if sequence < Self.endOfSequences { index.nextSequence = max(index.nextSequence, sequence + 1) }
    }

    /// Charged to whoever registered the function, whether there is room or not: it was there before.
    private func content(_ content: StoredContent, _ tenant: String) throws(UnusableRecord) -> Blob {
        let blob: Blob
        let account = store.memory.account(named: tenant)
        defer { account.close() }
        do throws(Failure) {
            blob = try store.contents.openFile(content.digest, limit: content.size).read(
                account, .functions, anyway: true)
        } catch {
            throw UnusableRecord(reason: error.detail, isDamaged: error.kind == .notFound || error.kind == .invalid)
        }
        if !intact.contains(content) {
            guard blob.count == content.size, Store.digest(of: blob) == content.digest else {
                throw UnusableRecord(reason: "the content \(content.digest) was changed")
            }
            intact.insert(content)
        }
        return blob
    }
}
