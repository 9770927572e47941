public import Values

/// A key of a config file that says something else than before.
public struct ConfigChange: Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case changed, new, gone
    }

    /// With its tables: `node.max_body`. A table that is new or gone counts as one key.
    public var key: String
    public var kind: Kind
    /// In the new text; nil for what is gone.
    public var place: Place?

    /// Without values: those may be secrets.
    public var description: String {
        let line = place.map { "line \($0.line)" }
        let notes = kind == .changed ? [line] : [line, kind.rawValue]
        return "\(key) (\(notes.compactMap(\.self).joined(separator: ", ")))"
    }
}

extension NodeConfig {
    /// Keys whose values differ, in the order of the new text, then those that are gone.
    public func changes(to now: NodeConfig) -> [ConfigChange] {
        Self.differences(Self.tree(text), Self.tree(now.text), below: "")
    }

    /// Of a text that was read before.
    private static func tree(_ text: String) -> ParsedValue {
        TOMLReader.read(text, log: MistakeLog(file: "", text: text)) ?? .table([:])
    }

    private static func differences(_ old: ParsedValue, _ new: ParsedValue, below path: String) -> [ConfigChange] {
        func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        let standing = new.entries.flatMap { entry -> [ConfigChange] in
            guard let before = old[entry.key] else {
                return [ConfigChange(key: name(entry.key), kind: .new, place: entry.keyPlace)]
            }
            if case .table = before.kind, case .table = entry.value.kind {
                return differences(before, entry.value, below: name(entry.key))
            }
            guard before.json != entry.value.json else { return [] }
            return [ConfigChange(key: name(entry.key), kind: .changed, place: entry.keyPlace)]
        }
        let gone = old.entries.filter { new[$0.key] == nil }
        return standing + gone.map { ConfigChange(key: name($0.key), kind: .gone, place: nil) }
    }
}
