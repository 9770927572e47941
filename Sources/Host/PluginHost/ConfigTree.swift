/// A plugin's configuration as the operator wrote it: what dn.host.config/1 answers from.
public indirect enum ConfigTree: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case boolean(Bool)
    case array([ConfigTree])
    case table([String: ConfigTree])

    /// The value at a path such as "egress.hosts.0".
    func value(at path: String) -> ConfigTree? {
        var here = self
        for part in path.split(separator: ".", omittingEmptySubsequences: false) {
            switch here {
            case .table(let entries):
                guard let next = entries[String(part)] else { return nil }
                here = next
            case .array(let elements):
                guard let index = Int(part), elements.indices.contains(index) else { return nil }
                here = elements[index]
            default: return nil
            }
        }
        return here
    }

    /// Every string in the tree by its path: what `get_string` lends out for the life of an instance.
    func strings(under prefix: String = "") -> [(path: String, text: String)] {
        func join(_ part: String) -> String { prefix.isEmpty ? part : "\(prefix).\(part)" }
        switch self {
        case .string(let text): return [(prefix, text)]
        case .array(let elements):
            return elements.enumerated().flatMap { $0.element.strings(under: join("\($0.offset)")) }
        case .table(let entries): return entries.flatMap { $0.value.strings(under: join($0.key)) }
        default: return []
        }
    }
}

/// One plugin's configuration in both forms that plugins may read.
public struct PluginConfiguration: Sendable {
    public var tree: ConfigTree
    /// The same as JSON text.
    public var json: String

    public init(tree: ConfigTree, json: String) {
        self.tree = tree
        self.json = json
    }

    public static let empty = PluginConfiguration(tree: .table([:]), json: "{}")
}
