/// Reads JSON text (RFC 8259) to values with their places, strictly: no comments, no trailing commas, no duplicate keys, valid
/// UTF-8 only.
public struct JSONReader {
    /// What is wrong with a JSON text, and where.
    public struct Failed: Error, Sendable, Equatable {
        public var place: Place
        public var message: String
    }

    /// Deeper nesting is refused, because the reader and its users follow it by recursion.
    static let deepest = 64

    private var scanner: JSONScanner
    private var counted = 0
    private var reached = Place(line: 1, column: 1)

    public static func read(_ text: String) throws(Failed) -> ParsedValue {
        try read(bytes: [UInt8](text.utf8))
    }

    public static func read(bytes: [UInt8]) throws(Failed) -> ParsedValue {
        // Array's own withUnsafeBytes has no typed errors.
        let result: Result<ParsedValue, Failed> = bytes.withUnsafeBytes { bytes in
            var reader = JSONReader(scanner: JSONScanner(bytes))
            do throws(JSONScanner.Failed) { return .success(try reader.all()) } catch {
                return .failure(Failed(place: reader.scanner.place(of: error.offset), message: error.message))
            }
        }
        return try result.get()
    }

    private init(scanner: JSONScanner) { self.scanner = scanner }

    private mutating func all() throws(JSONScanner.Failed) -> ParsedValue {
        let value = try value(depth: 0)
        try scanner.expectEnd()
        return value
    }

    /// Where the next token is. Counts on from where it was asked last, so that a whole text is counted once.
    private mutating func place() -> Place {
        _ = scanner.peek()
        JSONScanner.advance(
            &reached, over: UnsafeRawBufferPointer(rebasing: scanner.bytes[counted..<scanner.offset]))
        counted = scanner.offset
        return reached
    }

    private mutating func value(depth: Int) throws(JSONScanner.Failed) -> ParsedValue {
        guard depth < Self.deepest else { throw scanner.failed("values are nested more than \(Self.deepest) deep") }
        let place = place()
        guard let next = scanner.peek() else { throw scanner.failed("expected a value") }
        switch next {
        case UInt8(ascii: "{"): return ParsedValue(.table(try object(depth: depth)), at: place)
        case UInt8(ascii: "["): return ParsedValue(.array(try array(depth: depth)), at: place)
        case UInt8(ascii: "\""): return ParsedValue(.string(try string()), at: place)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return ParsedValue(try number(), at: place)
        default:
            guard let word = scanner.word() else { throw scanner.failed("expected a value") }
            return ParsedValue(word, at: place)
        }
    }

    private mutating func object(depth: Int) throws(JSONScanner.Failed) -> [ParsedEntry] {
        try scanner.expect("{")
        var entries: [ParsedEntry] = []
        var keys: Set<String> = []
        guard !scanner.take("}") else { return entries }
        repeat {
            let keyPlace = place()
            let offset = scanner.offset
            let key = try string()
            guard keys.insert(key).inserted else {
                throw JSONScanner.Failed(offset: offset, message: "the key '\(key)' is doubled")
            }
            try scanner.expect(":")
            entries.append(ParsedEntry(key: key, at: keyPlace, value: try value(depth: depth + 1)))
        } while try scanner.continues(until: "}")
        return entries
    }

    private mutating func array(depth: Int) throws(JSONScanner.Failed) -> [ParsedValue] {
        try scanner.expect("[")
        var elements: [ParsedValue] = []
        guard !scanner.take("]") else { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while try scanner.continues(until: "]")
        return elements
    }

    private mutating func number() throws(JSONScanner.Failed) -> ParsedValue.Kind {
        let (range, isWhole) = try scanner.number()
        let text = String(decoding: scanner.bytes[range], as: UTF8.self)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw JSONScanner.Failed(offset: range.lowerBound, message: "the number is out of range")
        }
        return .float(number)
    }

    private mutating func string() throws(JSONScanner.Failed) -> String {
        let text = try scanner.string()
        guard !text.isPlain else { return String(decoding: scanner.bytes[text.range], as: UTF8.self) }
        var value = [UInt8](repeating: 0, count: text.range.count)
        let result: Result<Int, JSONScanner.Failed> = value.withUnsafeMutableBytes { [scanner] target in
            guard let base = target.baseAddress else { return .success(0) }
            do throws(JSONScanner.Failed) { return .success(try scanner.unescape(text, into: base)) } catch {
                return .failure(error)
            }
        }
        return String(decoding: value.prefix(try result.get()), as: UTF8.self)
    }
}
