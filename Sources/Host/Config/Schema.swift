public import Values

/// Checks a plugin's configuration against the schema that the plugin carries (`config_schema` in plugin.h): a JSON
/// Schema object of "type", "description", "default", "enum", "minimum", "maximum", "items" and "properties". Keys that
/// "properties" does not list are refused, and so is a schema that uses other words, since they would go unenforced.
public struct ConfigSchema: Sendable {
    /// Why a schema's own text cannot be used: a fault of the plugin, not of the config.
    public struct Malformed: Error, Sendable, CustomStringConvertible {
        public var place: Place
        public var message: String

        public var description: String { "config_schema:\(place.line):\(place.column): \(message)" }
    }

    private let root: SchemaNode

    /// Reads a schema's JSON text.
    public init(_ text: String) throws(Malformed) {
        let value: ParsedValue
        do {
            value = try JSONReader.read(text)
        } catch {
            throw Malformed(place: error.place, message: error.message)
        }
        root = try SchemaNode(value, at: "")
        guard root.type == .object else { throw Malformed(place: value.place, message: "the root must be an object") }
    }

    /// All mistakes in settings that were given as JSON text, which messages call `name`; not an object is one too.
    public func mistakes(in settings: String, called name: String) -> [Mistake] {
        let log = MistakeLog(file: name, text: settings)
        do {
            check(try JSONReader.read(settings), "settings", log)
        } catch {
            log.add(error.place, error.message)
        }
        return log.mistakes
    }

    /// Logs what is wrong with `value`, which messages call `path`.
    func check(_ value: ParsedValue, _ path: String, _ log: MistakeLog) {
        root.check(value, path, log)
    }
}

extension NodeConfig {
    /// All mistakes in the `config` table of one of the plugins, in the order of the text. A plugin without a `schema`
    /// takes no configuration.
    public func mistakes(of plugin: PluginConfig, schema: String?) throws(ConfigSchema.Malformed) -> [Mistake] {
        let log = MistakeLog(file: file, text: text)
        if let schema {
            try ConfigSchema(schema).check(plugin.config, "plugins.\(plugin.name.value).config", log)
        } else {
            for entry in plugin.config.entries {
                log.add(
                    entry.keyPlace,
                    "unknown key '\(entry.key)': the plugin '\(plugin.name.value)' takes no configuration")
            }
        }
        return log.mistakes
    }
}
