internal import ArgumentParser
internal import Items

/// What a function gets of this machine's files by `--here`: those below the working folder, and what its arguments name
/// elsewhere, under their own paths. What lies below the first folder of all paths is a set.
struct WorkingTree {
    /// The names from the root to the working folder.
    private let here: [String]
    /// Normalised paths outside of the working folder that arguments name.
    private let named: [[String]]

    init(arguments: [String]) {
        let here = Self.names(Input.absolute("."))
        self.here = here
        // `--file=PATH` names one too.
        let words = arguments.flatMap { [$0, String($0.split(separator: "=", maxSplits: 1).last ?? "")] }
        let paths = Set(words.filter { $0.contains("/") }.map { Self.names(Input.absolute($0)) })
        // A folder that holds the working folder would be this machine.
        named = paths.filter { $0.count > 1 && !$0.starts(with: here) && !here.starts(with: $0) }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    var folder: String { "/" + here.joined(separator: "/") }

    /// Names of the sets.
    var sets: Set<String> { Set((named + [here]).compactMap(\.first)) }

    /// The items of each set.
    func items() throws -> [String: [Item]] {
        var items: [String: [Item]] = [:]
        if let first = here.first {
            items[first] = try FileTree.workingItems(at: folder, named: here.dropFirst().joined(separator: "/"))
        }
        for path in named {
            items[path[0], default: []] += try FileTree.workingItems(
                at: "/" + path.joined(separator: "/"), named: path.dropFirst().joined(separator: "/"))
        }
        return items
    }

    /// The path to write an output item back to: only what is below the working folder, or was named itself.
    func path(of ident: String, in set: String) -> String? {
        let names = [set] + ident.split(separator: "/").map(String.init)
        guard !here.isEmpty, names.starts(with: here) || named.contains(names) else { return nil }
        return "/" + names.joined(separator: "/")
    }

    /// The names of an absolute path, without `.` and `..`.
    private static func names(_ path: String) -> [String] {
        path.split(separator: "/").reduce(into: [String]()) { names, name in
            switch name {
            case ".": break
            case "..": _ = names.popLast()
            default: names.append(String(name))
            }
        }
    }
}
