/// A value of a TOML or JSON text and where it stands there.
public struct ConfigValue: Sendable, Equatable {
    public indirect enum Kind: Sendable, Equatable {
        /// In the order of the text; keys are unique.
        case table([ConfigEntry])
        case array([ConfigValue])
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        /// A date, a time or both: TOML has them, no setting takes one.
        case date
        /// JSON only.
        case null
    }

    public var kind: Kind
    public var place: Place

    public init(_ kind: Kind, at place: Place) {
        self.kind = kind
        self.place = place
    }

    /// A value that was made, not read: its place has no meaning.
    public init(_ kind: Kind) {
        self.init(kind, at: Place(line: 0, column: 0))
    }

    /// A table that was made, not read.
    public static func table(_ fields: KeyValuePairs<String, Kind>) -> ConfigValue {
        let nowhere = Place(line: 0, column: 0)
        return ConfigValue(.table(fields.map { ConfigEntry(key: $0, at: nowhere, value: ConfigValue($1)) }))
    }

    /// For messages: "a string", "an integer".
    public var kindName: String {
        switch kind {
        case .table: "a table"
        case .array: "an array"
        case .string: "a string"
        case .integer: "an integer"
        case .float: "a number"
        case .boolean: "a boolean"
        case .date: "a date"
        case .null: "null"
        }
    }

    /// The text of a string, else nil.
    public var text: String? {
        if case .string(let text) = kind { text } else { nil }
    }

    /// The elements of an array, else none.
    public var elements: [ConfigValue] {
        if case .array(let elements) = kind { elements } else { [] }
    }

    /// The entries of a table, else none.
    public var entries: [ConfigEntry] {
        if case .table(let entries) = kind { entries } else { [] }
    }

    public subscript(key: String) -> ConfigValue? {
        entries.first { $0.key == key }?.value
    }
}

/// A key and its value in a table.
public struct ConfigEntry: Sendable, Equatable {
    public var key: String
    public var keyPlace: Place
    public var value: ConfigValue

    public init(key: String, at keyPlace: Place, value: ConfigValue) {
        self.key = key
        self.keyPlace = keyPlace
        self.value = value
    }
}

extension ConfigValue {
    /// The value as JSON text (RFC 8259), without places. A date becomes null, as does a number that is not finite:
    /// `TOMLReader`'s callers refuse both before.
    public var json: String {
        var out = ""
        writeJSON(to: &out)
        return out
    }

    private func writeJSON(to out: inout String) {
        switch kind {
        case .table(let entries):
            out += "{"
            for (index, entry) in entries.enumerated() {
                if index > 0 { out += "," }
                Self.writeJSON(entry.key, to: &out)
                out += ":"
                entry.value.writeJSON(to: &out)
            }
            out += "}"
        case .array(let elements):
            out += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { out += "," }
                element.writeJSON(to: &out)
            }
            out += "]"
        case .string(let text): Self.writeJSON(text, to: &out)
        case .integer(let number): out += String(number)
        case .float(let number): out += number.isFinite ? "\(number)" : "null"
        case .boolean(let flag): out += flag ? "true" : "false"
        case .date, .null: out += "null"
        }
    }

    /// Appends `text` as a JSON string, quotes included.
    public static func writeJSON(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case ..<" ":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
