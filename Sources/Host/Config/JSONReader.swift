/// Reads JSON text (RFC 8259), strictly: no comments, no trailing commas, no duplicate keys, valid UTF-8 only.
public struct JSONReader {
    /// What is wrong with a JSON text, and where.
    public struct Failed: Error, Sendable, Equatable {
        public var place: Place
        public var message: String
    }

    /// Deeper nesting is refused, because the reader and its users follow it by recursion.
    static let deepest = 64

    private let bytes: [UInt8]
    private var position = 0
    private var counted = 0
    private var reached = Place(line: 1, column: 1)

    public static func read(_ text: String) throws(Failed) -> ConfigValue {
        try read(bytes: [UInt8](text.utf8))
    }

    public static func read(bytes: [UInt8]) throws(Failed) -> ConfigValue {
        var reader = JSONReader(bytes: bytes)
        guard String(validating: bytes, as: UTF8.self) != nil else { throw reader.failed("the text is not UTF-8") }
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.failed("text after the end of the value") }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Where `position` is. Counts on from where it was asked last, so that a whole text is counted once.
    private mutating func place() -> Place {
        for byte in bytes[counted..<position] {
            if byte == UInt8(ascii: "\n") {
                reached = Place(line: reached.line + 1, column: 1)
            } else if byte & 0xC0 != 0x80 {
                reached.column += 1
            }
        }
        counted = position
        return reached
    }

    private mutating func failed(_ message: String) -> Failed { Failed(place: place(), message: message) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Failed) {
        skipSpace()
        guard take(UInt8(ascii: character)) else { throw failed("expected '\(character)'") }
    }

    private mutating func value(depth: Int) throws(Failed) -> ConfigValue {
        skipSpace()
        guard depth < Self.deepest else { throw failed("values are nested more than \(Self.deepest) deep") }
        let place = place()
        guard let next else { throw failed("the text ends early") }
        switch next {
        case UInt8(ascii: "{"): return ConfigValue(.table(try object(depth: depth)), at: place)
        case UInt8(ascii: "["): return ConfigValue(.array(try array(depth: depth)), at: place)
        case UInt8(ascii: "\""): return ConfigValue(.string(try string()), at: place)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return ConfigValue(try number(), at: place)
        default: return ConfigValue(try word(), at: place)
        }
    }

    private mutating func object(depth: Int) throws(Failed) -> [ConfigEntry] {
        try expect("{")
        skipSpace()
        if take(UInt8(ascii: "}")) { return [] }
        var entries: [ConfigEntry] = []
        var keys: Set<String> = []
        repeat {
            skipSpace()
            let keyPlace = place()
            let key = try string()
            guard keys.insert(key).inserted else {
                throw Failed(place: keyPlace, message: "the key '\(key)' is doubled")
            }
            try expect(":")
            entries.append(ConfigEntry(key: key, at: keyPlace, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(UInt8(ascii: ","))
        try expect("}")
        return entries
    }

    private mutating func array(depth: Int) throws(Failed) -> [ConfigValue] {
        try expect("[")
        skipSpace()
        if take(UInt8(ascii: "]")) { return [] }
        var elements: [ConfigValue] = []
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(UInt8(ascii: ","))
        try expect("]")
        return elements
    }

    private mutating func word() throws(Failed) -> ConfigValue.Kind {
        let words: [(String, ConfigValue.Kind)] = [
            ("true", .boolean(true)), ("false", .boolean(false)), ("null", .null),
        ]
        for (text, kind) in words where bytes[position...].starts(with: text.utf8) {
            position += text.utf8.count
            return kind
        }
        throw failed("expected a value")
    }

    private mutating func digits() throws(Failed) {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw failed("expected a digit") }
    }

    private mutating func number() throws(Failed) -> ConfigValue.Kind {
        let start = position
        var whole = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) {
            whole = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            whole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if whole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw failed("the number is out of range") }
        return .float(number)
    }
}

extension JSONReader {
    private mutating func string() throws(Failed) -> String {
        guard take(UInt8(ascii: "\"")) else { throw failed("expected a string") }
        var out: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: out, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                out.append(contentsOf: String(Character(try escape())).utf8)
            case ..<0x20: throw failed("a control character in a string")
            default:
                out.append(byte)
                position += 1
            }
        }
        throw failed("the string has no end")
    }

    private mutating func escape() throws(Failed) -> Unicode.Scalar {
        let plain: [UInt8: Unicode.Scalar] = [
            UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
            UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
        ]
        if let byte = next, let scalar = plain[byte] {
            position += 1
            return scalar
        }
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Beyond the basic plane a character is a high and a low surrogate.
        guard first < 0xDC00, take(UInt8(ascii: "\\")) else { throw failed("a lone surrogate") }
        let second = try unit()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw failed("a lone surrogate") }
        return scalar
    }

    /// The four hexadecimal digits of `\uXXXX`, from the `u` on.
    private mutating func unit() throws(Failed) -> UInt32 {
        let digits = bytes[position...].dropFirst().prefix(4)
        guard next == UInt8(ascii: "u"), digits.count == 4,
            digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failed("an unknown escape") }
        position += 5
        return unit
    }
}
