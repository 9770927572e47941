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

    /// The entries of a table, else none.
    public var entries: [ConfigEntry] {
        if case .table(let entries) = kind { entries } else { [] }
    }

    public subscript(key: String) -> ConfigValue? {
        entries.first { $0.key == key }?.value
    }

    /// What a dotted path names: keys of tables and indexes of arrays ("egress.hosts.0"). Nil when there is nothing.
    public func value(at path: String) -> ConfigValue? {
        var value = self
        for step in path.split(separator: ".", omittingEmptySubsequences: false) {
            let next: ConfigValue?
            switch value.kind {
            case .table: next = value[String(step)]
            case .array(let elements): next = Int(step).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: next = nil
            }
            guard let next else { return nil }
            value = next
        }
        return value
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
