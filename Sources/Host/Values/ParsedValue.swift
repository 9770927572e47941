/// A value of a TOML or JSON text and where it stands there.
public struct ParsedValue: Sendable, Equatable {
    public indirect enum Kind: Sendable, Equatable {
        /// In the order of the text; keys are unique.
        case table([ParsedEntry])
        case array([ParsedValue])
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
    public static func table(_ fields: KeyValuePairs<String, Kind>) -> ParsedValue {
        let nowhere = Place(line: 0, column: 0)
        return ParsedValue(.table(fields.map { ParsedEntry(key: $0, at: nowhere, value: ParsedValue($1)) }))
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
    public var elements: [ParsedValue] {
        if case .array(let elements) = kind { elements } else { [] }
    }

    /// The entries of a table, else none.
    public var entries: [ParsedEntry] {
        if case .table(let entries) = kind { entries } else { [] }
    }

    public subscript(key: String) -> ParsedValue? {
        entries.first { $0.key == key }?.value
    }
}

/// A key and its value in a table.
public struct ParsedEntry: Sendable, Equatable {
    public var key: String
    public var keyPlace: Place
    public var value: ParsedValue

    public init(key: String, at keyPlace: Place, value: ParsedValue) {
        self.key = key
        self.keyPlace = keyPlace
        self.value = value
    }
}

extension ParsedValue {
    /// The value as JSON text (RFC 8259), without places. A date becomes null, as does a number that is not finite: readers of
    /// TOML refuse both before.
    public var json: String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
