import PluginABI

/// A setting of a plugin, declared once: its key, where its value is kept, what values are allowed, and one sentence about
/// it. The default is the value that `Values` begins with.
public struct Setting<Values: Sendable>: Sendable {
    let key: String
    /// Its JSON Schema, given all defaults.
    let schema: @Sendable (Values) -> String
    let read: @Sendable (HostServices, inout Values) throws(PluginError) -> Void

    public typealias Path<Value> = any WritableKeyPath<Values, Value> & Sendable

    /// - Parameters:
    ///   - unit: what one of the configuration is in `path`'s units; the range is the configuration's.
    ///   - multiple: values are rounded up to one of it, in `path`'s units.
    public static func integer<Number: FixedWidthInteger & SendableMetatype>(
        _ key: String, _ path: Path<Number>, _ range: ClosedRange<Int64>, unit: Int64 = 1, multiple: Int64 = 1,
        _ description: String
    ) -> Setting {
        Setting(
            key: key,
            schema: { defaults in
                """
                {"type": "integer", "minimum": \(range.lowerBound), "maximum": \(range.upperBound), \
                "default": \(Int64(defaults[keyPath: path]) / unit), "description": \(quoted(description))}
                """
            },
            read: { services, values throws(PluginError) in
                guard let value = try services.integer(key, in: range) else { return }
                values[keyPath: path] = Number((value * unit + multiple - 1) / multiple * multiple)
            })
    }

    public static func boolean(_ key: String, _ path: Path<Bool>, _ description: String) -> Setting {
        Setting(
            key: key,
            schema: { defaults in
                #"{"type": "boolean", "default": \#(defaults[keyPath: path]), "description": \#(quoted(description))}"#
            },
            read: { services, values throws(PluginError) in
                values[keyPath: path] = try services.boolean(key) ?? values[keyPath: path]
            })
    }

    public static func text(_ key: String, _ path: Path<String>, _ description: String) -> Setting {
        Setting(
            key: key,
            schema: { defaults in
                """
                {"type": "string", "default": \(quoted(defaults[keyPath: path])), "description": \(quoted(description))}
                """
            },
            read: { services, values throws(PluginError) in
                values[keyPath: path] = try services.text(key) ?? values[keyPath: path]
            })
    }

    /// One of several texts.
    public static func choice(
        _ key: String, _ path: Path<String>, _ choices: [String], _ description: String
    ) -> Setting {
        Setting(
            key: key,
            schema: { defaults in
                """
                {"type": "string", "enum": \(list(choices)), "default": \(quoted(defaults[keyPath: path])), \
                "description": \(quoted(description))}
                """
            },
            read: { services, values throws(PluginError) in
                guard let text = try services.text(key) else { return }
                guard choices.contains(text) else {
                    throw PluginError(DN_BAD_CONFIG, "\(key): \(text) is not one of \(choices.joined(separator: ", "))")
                }
                values[keyPath: path] = text
            })
    }

    /// One without a default.
    public static func text(_ key: String, _ path: Path<String?>, _ description: String) -> Setting {
        Setting(
            key: key, schema: { _ in #"{"type": "string", "description": \#(quoted(description))}"# },
            read: { services, values throws(PluginError) in values[keyPath: path] = try services.text(key) })
    }

    /// - Parameter choices: the texts that are allowed; nil allows all.
    public static func texts(
        _ key: String, _ path: Path<[String]>, choices: [String]? = nil, _ description: String
    ) -> Setting {
        Setting(
            key: key,
            schema: { defaults in
                let choice = choices.map { #", "enum": \#(list($0))"# } ?? ""
                return """
                    {"type": "array", "items": {"type": "string"\(choice)}, "default": \(list(defaults[keyPath: path])), \
                    "description": \(quoted(description))}
                    """
            },
            read: { services, values throws(PluginError) in
                guard let texts = try services.texts(key) else { return }
                if let choices, let unknown = texts.first(where: { !choices.contains($0) }) {
                    throw PluginError(
                        DN_BAD_CONFIG, "\(key): \(unknown) is not one of \(choices.joined(separator: ", "))")
                }
                values[keyPath: path] = texts
            })
    }
}

/// The configuration of a plugin.
public struct SettingTable<Values: Sendable>: Sendable {
    private let defaults: Values
    private let settings: [Setting<Values>]

    public init(_ defaults: Values, _ settings: [Setting<Values>]) {
        (self.defaults, self.settings) = (defaults, settings)
    }

    /// `dn_plugin.config_schema`.
    public var schema: String {
        let properties = settings.map { "\(quoted($0.key)): \($0.schema(defaults))" }.joined(separator: ",\n")
        return "{\"type\": \"object\", \"properties\": {\n\(properties)}}"
    }

    /// The defaults, with what is configured in their place.
    /// - Throws: DN_BAD_CONFIG, which names the key.
    public func read(_ services: HostServices) throws(PluginError) -> Values {
        var values = defaults
        for setting in settings { try setting.read(services, &values) }
        return values
    }
}

private func list(_ texts: [String]) -> String { "[\(texts.map(quoted).joined(separator: ", "))]" }

/// A JSON string. Texts of declarations hold no control characters.
private func quoted(_ text: String) -> String {
    var out = "\""
    for character in text {
        if character == "\"" || character == "\\" { out.append("\\") }
        out.append(character)
    }
    return out + "\""
}
