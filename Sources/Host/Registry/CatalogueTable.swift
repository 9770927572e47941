internal import Composition

/// What a tenant can invoke, by name. Nothing here walks over all names: the table is read from event loops, and there may be
/// hundreds of thousands.
struct CatalogueTable {
    /// The newest version of each name.
    private(set) var functions: [String: RegisteredFunction] = [:]
    private(set) var compositions: [String: RegisteredComposition] = [:]
    /// Versions before the newest, by name and number.
    private var older: [String: [Int: CatalogueEntry]] = [:]
    /// By name and alias.
    private var aliases: [String: [String: VersionAlias]] = [:]
    /// Of functions and compositions, in the state folder.
    private(set) var storedBytes = 0
    private var communications: [String: CommFunction] = [:]
    private var functionNames = NameIndex()
    private var compositionNames = NameIndex()
    /// How many functions have each image, by its digest.
    private var imageUsers: [String: Int] = [:]
    /// By what they call, as they call it: compositions, each with its version.
    private var users: [String: Set<String>] = [:]

    // MARK: Looking up

    func entry(named name: String) -> CatalogueEntry? {
        newest(named: name) ?? VersionedName(name).flatMap(entry)
    }

    /// What has exactly that name.
    func newest(named name: String) -> CatalogueEntry? {
        if let function = functions[name] { return .function(function) }
        if let composition = compositions[name] { return .composition(composition) }
        if let communication = communications[name] { return .communication(communication, 0) }
        return nil
    }

    /// Of an alias: one of those that it points to.
    private func entry(_ wanted: VersionedName) -> CatalogueEntry? {
        switch wanted.choice {
        case .version(let number): version(number, of: wanted.name)
        case .alias(let alias): aliases[wanted.name]?[alias].flatMap { version($0.pick(), of: wanted.name) }
        }
    }

    func version(_ number: Int, of name: String) -> CatalogueEntry? {
        if let newest = newest(named: name), newest.version == number { return newest }
        return older[name]?[number]
    }

    /// Of what is registered under a name, from the oldest on.
    func versions(of name: String) -> [CatalogueEntry] {
        let before = (older[name] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        guard let newest = newest(named: name), newest.version != nil else { return before }
        return before + [newest]
    }

    func alias(_ alias: String, of name: String) -> VersionAlias? { aliases[name]?[alias] }

    /// In the order of their names.
    func aliases(of name: String) -> [(alias: String, value: VersionAlias)] {
        (aliases[name] ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Names that have aliases, in their order.
    var aliasedNames: [String] { aliases.keys.sorted() }

    /// Functions and compositions.
    var count: Int { functions.count + compositions.count }

    func hasFunction(withImage digest: String) -> Bool { imageUsers[digest] != nil }

    /// Few: the config names them.
    var allCommunications: [CommFunction] { communications.values.sorted { $0.name < $1.name } }

    func functions(after name: String?, limit: Int) -> [RegisteredFunction] {
        functionNames.names(after: name, limit: limit).compactMap { functions[$0] }
    }

    func compositions(after name: String?, limit: Int) -> [RegisteredComposition] {
        compositionNames.names(after: name, limit: limit).compactMap { compositions[$0] }
    }

    /// Names that `name` may be a misspelling of.
    func names(near name: String) -> [String] {
        functionNames.names(near: name, limit: Self.neighbours)
            + compositionNames.names(near: name, limit: Self.neighbours) + communications.keys
    }

    /// Event loops compare a misspelled name with as many on each side: a millisecond at the worst.
    private static let neighbours = 50

    /// Some compositions that call one of `names` as it stands, versions before the newest with their number, and how many do.
    /// - Parameter own: What this one's versions call does not count.
    func users(of names: [String], but own: String? = nil, most: Int) -> (names: [String], count: Int) {
        let all = names.flatMap { users[$0] ?? [] }.compactMap(VersionedName.init).filter { $0.name != own }
        let shown = all.prefix(most).map { user -> String in
            guard case .version(let version) = user.choice else { return user.name }
            return compositions[user.name]?.version == version
                ? user.name : VersionedName.text(user.name, version)
        }
        return (Array(Set(shown)), all.count)
    }

    // MARK: Changing

    /// In the place of what has its version; it is the newest unless there is a later one.
    mutating func add(_ function: RegisteredFunction) {
        add(.function(function), function.definition.name, function.version)
    }

    mutating func add(_ composition: RegisteredComposition) {
        add(.composition(composition), composition.graph.name, composition.version)
    }

    private mutating func add(_ entry: CatalogueEntry, _ name: String, _ version: Int) {
        remove(version: version, of: name)
        note(entry, by: 1)
        let newest = newest(named: name)
        guard newest?.version ?? 0 < version else {
            older[name, default: [:]][version] = entry
            return
        }
        if let newest, let number = newest.version { older[name, default: [:]][number] = newest }
        setNewest(entry, name)
    }

    /// Adds a communication function, unless something else has its name.
    mutating func add(_ communication: CommFunction) {
        guard functions[communication.name] == nil, compositions[communication.name] == nil else { return }
        communications[communication.name] = communication
    }

    /// The one before the newest becomes the newest when that goes.
    mutating func remove(version: Int, of name: String) {
        guard let old = self.version(version, of: name) else { return }
        note(old, by: -1)
        guard newest(named: name)?.version == version else {
            older[name]?[version] = nil
            if older[name]?.isEmpty == true { older[name] = nil }
            return
        }
        let next = older[name]?.keys.max()
        setNewest(next.flatMap { older[name]?.removeValue(forKey: $0) }, name)
        if older[name]?.isEmpty == true { older[name] = nil }
    }

    mutating func set(_ value: VersionAlias?, _ alias: String, of name: String) {
        aliases[name, default: [:]][alias] = value
        if aliases[name]?.isEmpty == true { aliases[name] = nil }
    }

    private mutating func setNewest(_ entry: CatalogueEntry?, _ name: String) {
        if functions.removeValue(forKey: name) != nil { functionNames.remove(name) }
        if compositions.removeValue(forKey: name) != nil { compositionNames.remove(name) }
        switch entry {
        case .function(let function):
            functions[name] = function
            functionNames.insert(name)
        case .composition(let composition):
            compositions[name] = composition
            compositionNames.insert(name)
        case .communication, nil: break
        }
    }

    /// Counts what an entry takes, uses and calls.
    private mutating func note(_ entry: CatalogueEntry, by sign: Int) {
        switch entry {
        case .function(let function):
            storedBytes += sign * function.storedBytes
            let count = (imageUsers[function.digest] ?? 0) + sign
            imageUsers[function.digest] = count > 0 ? count : nil
        case .composition(let composition):
            storedBytes += sign * composition.storedBytes
            let user = VersionedName.text(composition.graph.name, composition.version)
            for target in composition.graph.targets { note(user, calls: target.name, by: sign) }
        case .communication: break
        }
    }

    private mutating func note(_ user: String, calls name: String, by sign: Int) {
        if sign > 0 {
            users[name, default: []].insert(user)
        } else {
            users[name]?.remove(user)
            if users[name]?.isEmpty == true { users[name] = nil }
        }
    }
}
