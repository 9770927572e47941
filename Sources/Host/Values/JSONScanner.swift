internal import Glibc

/// Takes JSON text (RFC 8259) apart, strictly and token by token, and builds nothing: what a value means is its user's matter.
///
/// The bytes are the user's, who keeps them in place while the scanner is used.
public struct JSONScanner {
    /// What is wrong, and at which byte.
    public struct Failed: Error, Sendable, Equatable {
        public var offset: Int
        public var message: String

        public init(offset: Int, message: String) {
            self.offset = offset
            self.message = message
        }
    }

    /// A string of the text.
    public struct Text: Sendable, Equatable {
        /// Between the quotes.
        public var range: Range<Int>
        /// It has no escapes: its bytes are its value. They are valid UTF-8 in any case.
        public var isPlain: Bool
    }

    public let bytes: UnsafeRawBufferPointer
    public private(set) var offset = 0

    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next byte that is no white space; nil at the end.
    public mutating func peek() -> UInt8? {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            offset += 1
        }
        return nil
    }

    /// Whether `character` comes next, which is then taken.
    public mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    public mutating func expect(_ character: Unicode.Scalar) throws(Failed) {
        guard take(character) else { throw failed("expected '\(character)'") }
    }

    /// - Throws: when anything but white space is left.
    public mutating func expectEnd() throws(Failed) {
        if peek() != nil { throw failed("text after the end of the value") }
    }

    /// Behind an element of an array or object: whether another one follows. Takes the comma, or the `closing` character.
    public mutating func continues(until closing: Unicode.Scalar) throws(Failed) -> Bool {
        if take(closing) { return false }
        guard take(",") else { throw failed("expected ',' or '\(closing)'") }
        if peek() == UInt8(ascii: closing) { throw failed("a comma before '\(closing)'") }
        return true
    }

    /// An error at the next byte.
    public func failed(_ message: String) -> Failed {
        Failed(offset: offset, message: offset < bytes.count ? message : "\(message), but the text ends")
    }

    // MARK: Tokens

    /// One of `true`, `false` and `null`; nil, and nothing taken, when it is another value.
    public mutating func word() -> ParsedValue.Kind? {
        _ = peek()
        let words: [(StaticString, ParsedValue.Kind)] = [
            ("true", .boolean(true)), ("false", .boolean(false)), ("null", .null),
        ]
        for (word, kind) in words where bytes.count - offset >= word.utf8CodeUnitCount {
            // SAFETY: both have that many bytes.
            let isWord = (0..<word.utf8CodeUnitCount).allSatisfy { bytes[offset + $0] == word.utf8Start[$0] }
            guard isWord else { continue }
            offset += word.utf8CodeUnitCount
            return kind
        }
        return nil
    }

    /// A number: where it stands, and whether it has neither fraction nor exponent.
    public mutating func number() throws(Failed) -> (range: Range<Int>, isWhole: Bool) {
        _ = peek()
        let start = offset
        var isWhole = true
        _ = skip("-")
        if !skip("0") { try digits() }
        if skip(".") {
            isWhole = false
            try digits()
        }
        if skip("e") || skip("E") {
            isWhole = false
            if !skip("+") { _ = skip("-") }
            try digits()
        }
        return (start..<offset, isWhole)
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func digits() throws(Failed) {
        let start = offset
        while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
        guard offset > start else { throw failed("expected a digit") }
    }

    public mutating func string() throws(Failed) -> Text {
        guard take("\"") else { throw failed("expected a string") }
        let start = offset
        var isPlain = true
        var isASCII = true
        while true {
            offset += Self.plainCount(bytes, from: offset)
            guard offset < bytes.count else {
                throw Failed(offset: start - 1, message: "the string has no end")
            }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let range = start..<offset
                if !isASCII { try checkUTF8(range) }
                offset += 1
                return Text(range: range, isPlain: isPlain)
            case UInt8(ascii: "\\"):
                isPlain = false
                var cursor = offset
                _ = try Self.escape(bytes, at: &cursor)
                offset = cursor
            case ..<0x20: throw failed("a control character in a string")
            default:
                isASCII = false
                offset += 1
            }
        }
    }

    /// How many bytes from `start` on are ASCII that means itself inside a string.
    private static func plainCount(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // The high bit of a byte is set where it is below 0x20, a quote, a backslash, or not ASCII; it may be set above
            // such a byte, too, which only costs the look below.
            let quote = word ^ (ones &* 0x22)
            let slash = word ^ (ones &* 0x5C)
            let special = (word &- ones &* 0x20) | (quote &- ones) | (slash &- ones) | word
            if special & high != 0 { break }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
            index += 1
        }
        return index - start
    }

    private func checkUTF8(_ range: Range<Int>) throws(Failed) {
        let part = UnsafeRawBufferPointer(rebasing: bytes[range])
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: part.bindMemory(to: UInt8.self).span)
        } catch {
            throw Failed(offset: range.lowerBound + error.byteOffsets.lowerBound, message: "the text is not UTF-8")
        }
    }

    // MARK: Escapes

    /// Writes the value of a string that is not plain to `target`, which has room for as many bytes as the string has in the
    /// text: an escape is longer than what it stands for.
    /// - Returns: how many bytes the value has.
    public func unescape(_ text: Text, into target: UnsafeMutableRawPointer) throws(Failed) -> Int {
        var cursor = text.range.lowerBound
        return try unescape(text, from: &cursor, into: target, room: text.range.count)
    }

    /// Writes what comes next of a string's value, `cursor` being the place in the text: all of it, or a part with which
    /// fewer than four bytes of the `room` of `target` are left.
    /// - Parameter cursor: Moves behind what was written.
    /// - Returns: how many bytes were written.
    public func unescape(
        _ text: Text, from cursor: inout Int, into target: UnsafeMutableRawPointer, room: Int
    ) throws(Failed) -> Int {
        var count = 0
        // An escape stands for at most four bytes, and never for more than it has.
        while cursor < text.range.upperBound, room - count >= min(4, text.range.upperBound - cursor) {
            let rest = min(text.range.upperBound - cursor, room - count)
            guard let base = bytes.baseAddress else { break }
            // SAFETY: cursor..<cursor + rest lies inside the bytes; target has room for as many.
            let found = memchr(base + cursor, Int32(UInt8(ascii: "\\")), rest)
            let plain = found.map { UnsafeRawPointer($0) - (base + cursor) } ?? rest
            (target + count).copyMemory(from: base + cursor, byteCount: plain)
            count += plain
            cursor += plain
            guard found != nil, room - count >= min(4, text.range.upperBound - cursor) else { continue }
            let scalar = try Self.escape(bytes, at: &cursor)
            for byte in UTF8.encode(scalar) ?? .init() {
                (target + count).storeBytes(of: byte, as: UInt8.self)
                count += 1
            }
        }
        return count
    }

    /// Reads the escape whose backslash is at `cursor`, which moves behind it.
    private static func escape(_ bytes: UnsafeRawBufferPointer, at cursor: inout Int) throws(Failed) -> Unicode.Scalar {
        let start = cursor
        guard start + 1 < bytes.count else { throw Failed(offset: start, message: "the string has no end") }
        cursor += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode(bytes, from: start, at: &cursor)
        default: throw Failed(offset: start, message: "an unknown escape")
        }
    }

    private static func unicode(
        _ bytes: UnsafeRawBufferPointer, from start: Int, at cursor: inout Int
    ) throws(Failed) -> Unicode.Scalar {
        let first = try unit(bytes, from: start, at: &cursor)
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Beyond the basic plane a character is a high and a low surrogate.
        guard first < 0xDC00, cursor + 1 < bytes.count, bytes[cursor] == UInt8(ascii: "\\"),
            bytes[cursor + 1] == UInt8(ascii: "u")
        else { throw Failed(offset: start, message: "a lone surrogate") }
        cursor += 2
        let second = try unit(bytes, from: start, at: &cursor)
        guard 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw Failed(offset: start, message: "a lone surrogate") }
        return scalar
    }

    /// Four hexadecimal digits.
    private static func unit(
        _ bytes: UnsafeRawBufferPointer, from start: Int, at cursor: inout Int
    ) throws(Failed) -> UInt32 {
        var value: UInt32 = 0
        guard cursor + 4 <= bytes.count else { throw Failed(offset: start, message: "an unknown escape") }
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[cursor])).hexDigitValue, bytes[cursor] < 0x80 else {
                throw Failed(offset: start, message: "an unknown escape")
            }
            value = value << 4 | UInt32(digit)
            cursor += 1
        }
        return value
    }

    // MARK: Places

    /// Line and column of a byte, counted in characters as editors do.
    public func place(of offset: Int) -> Place {
        var place = Place(line: 1, column: 1)
        Self.advance(&place, over: UnsafeRawBufferPointer(rebasing: bytes[..<min(offset, bytes.count)]))
        return place
    }

    /// Moves `place` to behind `bytes`.
    static func advance(_ place: inout Place, over bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                place = Place(line: place.line + 1, column: 1)
            } else if byte & 0xC0 != 0x80 {
                place.column += 1
            }
        }
    }
}
