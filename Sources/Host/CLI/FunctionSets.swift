internal import ArgumentParser
internal import Glibc
internal import Items

/// The sets of a function that `dandelion run` runs: files of this machine, and the standard streams.
struct FunctionSets {
    private(set) var inputs: [ItemSet] = []
    private let folders: [SetFolder]
    private let tree: WorkingTree?

    var outputNames: [Blob] {
        var names = folders.map(\.set) + ["stdio"]
        if let tree { names += tree.sets }
        return Set(names).sorted().map { Blob($0) }
    }

    /// Bytes of all inputs.
    var bytes: Int { inputs.reduce(0) { $1.items.reduce($0) { $0 + $1.data.count } } }

    init(_ run: Run) throws {
        var sets: [String: [Item]] = [:]
        for input in run.inputs { sets[input.set, default: []] += try FileTree.items(at: input.path) }
        tree = run.here ? WorkingTree(arguments: run.arguments) : nil
        if let tree { sets.merge(try tree.items()) { $0 + $1 } }
        sets["stdio", default: []] += Self.standard(run, folder: run.cwd ?? tree?.folder)
        folders = run.outputs
        inputs = sets.sorted { $0.key < $1.key }.map { ItemSet(name: Blob($0.key), items: $0.value) }
    }

    private static func standard(_ run: Run, folder: String?) -> [Item] {
        var items = [
            Item(ident: Blob("argv"), data: Blob(words([run.image] + run.arguments))),
            Item(ident: Blob("environ"), data: Blob(words(run.env))),
        ]
        if let folder { items.append(Item(ident: Blob("cwd"), data: Blob(folder))) }
        if isatty(0) == 0, let bytes = try? Input.read("-") {
            items.append(Item(ident: Blob("stdin"), data: Blob(bytes)))
        }
        return items
    }

    /// Words as the item argv has them: each between quotes that it does not hold itself.
    private static func words(_ words: [String]) -> String {
        words.map { "'" + $0.replacing("'", with: "'\"'\"'") + "'" }.joined(separator: " ")
    }

    /// The standard streams appear here; files go to their folders. An item without a name is its number alone, as within
    /// functions.
    func write(_ sets: [ItemSet]) throws {
        for set in sets {
            let name = set.name.text
            for (number, item) in set.items.enumerated() {
                let ident = item.ident.text.isEmpty ? "~\(number)" : item.ident.text
                if name == "stdio" { show(item, ident) }
                for folder in folders where folder.set == name {
                    try FileTree.write(item.data, to: "\(folder.path)/\(try safe(ident))")
                }
                if let path = tree?.path(of: try safe(ident), in: name) { try FileTree.write(item.data, to: path) }
            }
        }
    }

    private func show(_ item: Item, _ ident: String) {
        if ident == "stdout" { Output.bytes(item.data.array) }
        if ident == "stderr" { Output.errorBytes(item.data.array) }
    }

    /// A function is not trusted with where its files go.
    private func safe(_ ident: String) throws -> String {
        let parts = ident.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }), !ident.utf8.contains(0) else {
            Output.note("dandelion: an output is named '\(ident)', which is no path of a file")
            throw ExitCode.cannotCreate
        }
        return ident
    }
}

/// Where images that were compiled for a backend are kept between runs.
enum ImageFolder {
    static var path: String {
        let base = variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" } ?? "/tmp"
        var folder = ""
        for part in (base + "/dandelion/images").split(separator: "/") {
            folder += "/" + part
            mkdir(folder, 0o700)
        }
        return folder
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv(3) gives NULL or a NUL-terminated text, copied before anything changes the environment.
        getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
}

/// A program that was built with a debug config.
enum DebugProgram {
    /// Takes this process's place.
    static func run(_ image: String, _ arguments: [String]) throws -> Never {
        // SAFETY: as above.
        let debugger = getenv("DANDELION_DEBUGGER").map { String(cString: $0) } ?? ""
        let program = image.contains("/") ? image : "./" + image
        let command = debugger.split(separator: " ").map(String.init) + [program] + arguments
        // SAFETY: the texts live until the process ends, by execvp(3) or at once after it failed.
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        words.append(nil)
        if let first = words.first ?? nil { execvp(first, words) }
        Output.note("dandelion: \(command.first ?? image): \(String(cString: strerror(errno)))")
        throw ExitCode.noInput
    }
}
