internal import Composition

/// What a tenant can invoke, by name. Nothing here walks over all names: the table is read from event loops, and there may be
/// hundreds of thousands.
struct CatalogueTable {
    private(set) var functions: [String: RegisteredFunction] = [:]
    private(set) var compositions: [String: RegisteredComposition] = [:]
    /// Of functions and compositions, in the state folder.
    private(set) var storedBytes = 0
    private var communications: [String: CommFunction] = [:]
    private var functionNames = NameIndex()
    private var compositionNames = NameIndex()
    /// How many functions have each image, by its digest.
    private var imageUsers: [String: Int] = [:]
    /// Compositions by what they call.
    private var users: [String: Set<String>] = [:]

    // MARK: Looking up

    func entry(named name: String) -> CatalogueEntry? {
        if let function = functions[name] { return .function(function) }
        if let composition = compositions[name] { return .composition(composition) }
        if let communication = communications[name] { return .communication(communication, 0) }
        return nil
    }

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

    /// Names of some compositions that call `name`, and how many do.
    func users(of name: String, most: Int) -> (names: [String], count: Int) {
        let all = users[name] ?? []
        return (Array(all.prefix(most)), all.count)
    }

    // MARK: Changing

    mutating func add(_ function: RegisteredFunction) {
        let name = function.definition.name
        removeFunction(name)
        functions[name] = function
        storedBytes += function.storedBytes
        functionNames.insert(name)
        imageUsers[function.digest, default: 0] += 1
    }

    mutating func add(_ composition: RegisteredComposition) {
        let graph = composition.graph
        removeComposition(graph.name)
        compositions[graph.name] = composition
        storedBytes += composition.storedBytes
        compositionNames.insert(graph.name)
        for target in graph.targets { users[target.name, default: []].insert(graph.name) }
    }

    /// Adds a communication function, unless something else has its name.
    mutating func add(_ communication: CommFunction) {
        guard functions[communication.name] == nil, compositions[communication.name] == nil else { return }
        communications[communication.name] = communication
    }

    mutating func removeFunction(_ name: String) {
        guard let old = functions.removeValue(forKey: name) else { return }
        storedBytes -= old.storedBytes
        functionNames.remove(name)
        imageUsers[old.digest] = imageUsers[old.digest].flatMap { $0 > 1 ? $0 - 1 : nil }
    }

    mutating func removeComposition(_ name: String) {
        guard let composition = compositions.removeValue(forKey: name) else { return }
        let graph = composition.graph
        storedBytes -= composition.storedBytes
        compositionNames.remove(name)
        for target in graph.targets {
            users[target.name]?.remove(name)
            if users[target.name]?.isEmpty == true { users[target.name] = nil }
        }
    }
}
