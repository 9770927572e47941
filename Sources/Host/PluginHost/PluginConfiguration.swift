public import Values

/// One plugin's configuration in both forms that plugins may read.
public struct PluginConfiguration: Sendable {
    /// What dn.host.config/1 answers from.
    public let tree: ParsedValue
    /// The same as JSON text.
    public let json: String

    public init(_ tree: ParsedValue) { (self.tree, json) = (tree, tree.json) }

    public static let empty = PluginConfiguration(ParsedValue(.table([])))
}

extension ParsedValue {
    /// The value at a path such as "egress.hosts.0".
    func value(at path: String) -> ParsedValue? {
        var here = self
        for part in path.split(separator: ".", omittingEmptySubsequences: false) {
            let elements = here.elements
            let next = here[String(part)] ?? Int(part).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            guard let next else { return nil }
            here = next
        }
        return here
    }

    /// Every string in the tree by its path: what `get_string` lends out for the life of an instance.
    func strings(under prefix: String = "") -> [(path: String, text: String)] {
        func join(_ part: String) -> String { prefix.isEmpty ? part : "\(prefix).\(part)" }
        if let text { return [(prefix, text)] }
        return elements.enumerated().flatMap { $0.element.strings(under: join("\($0.offset)")) }
            + entries.flatMap { $0.value.strings(under: join($0.key)) }
    }
}
