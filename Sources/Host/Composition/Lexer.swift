internal import Values

/// A word or sign of the text.
struct Token {
    enum Kind: Equatable {
        case name
        /// A name, `@`, and a version's number or an alias.
        case versionedName
        /// One of `(){},;=`.
        case sign(UInt8)
        /// `=>`
        case arrow
        /// Behind the last byte.
        case end
    }

    var kind: Kind
    var place: Mark
    var length: Int
}

/// Splits a text into tokens; skips white space and comments (`//` and `#` to the end of the line, `/* */`).
struct Lexer {
    /// Names become file names elsewhere.
    static let longestName = 255

    private let source: [UInt8]
    private let diagnostics: Diagnostics
    private var offset = 0
    private var position = Place(line: 1, column: 1)

    init(_ diagnostics: Diagnostics) {
        source = diagnostics.source
        self.diagnostics = diagnostics
    }

    /// The next token; `.end` again and again at the end.
    mutating func next() -> Token {
        while true {
            skipBlank()
            let start = place
            guard offset < source.count else { return Token(kind: .end, place: start, length: 0) }
            if let kind = take(from: start) {
                return Token(kind: kind, place: start, length: offset - start.offset)
            }
        }
    }

    func text(_ token: Token) -> String {
        String(decoding: source[token.place.offset..<token.place.offset + token.length], as: UTF8.self)
    }

    private var place: Mark { Mark(offset: offset, position: position) }

    private func peek(_ ahead: Int = 0) -> UInt8 {
        offset + ahead < source.count ? source[offset + ahead] : 0
    }

    private mutating func advance() {
        let byte = source[offset]
        offset += 1
        if byte == UInt8(ascii: "\n") {
            position = Place(line: position.line + 1, column: 1)
        } else if ![UInt8].isContinuation(byte) {
            position.column += 1
        }
    }

    /// Leaves `offset` at the first byte of a token or at the end.
    private mutating func skipBlank() {
        while offset < source.count {
            switch (peek(), peek(1)) {
            case (UInt8(ascii: " "), _), (UInt8(ascii: "\t"), _), (UInt8(ascii: "\r"), _), (UInt8(ascii: "\n"), _):
                advance()
            case (UInt8(ascii: "#"), _), (UInt8(ascii: "/"), UInt8(ascii: "/")):
                while offset < source.count, peek() != UInt8(ascii: "\n") { advance() }
            case (UInt8(ascii: "/"), UInt8(ascii: "*")):
                skipBlockComment()
            default:
                return
            }
        }
    }

    private mutating func skipBlockComment() {
        let opening = place
        advance()
        advance()
        while offset < source.count {
            if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                advance()
                advance()
                return
            }
            advance()
        }
        diagnostics.add(opening, "this comment has no closing `*/`")
    }

    /// Passes over one token, nil when what stands here starts none (which is told).
    private mutating func take(from start: Mark) -> Token.Kind? {
        let byte = peek()
        advance()
        switch byte {
        case UInt8(ascii: "="):
            guard peek() == UInt8(ascii: ">") else { return .sign(byte) }
            advance()
            return .arrow
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","),
            UInt8(ascii: ";"):
            return .sign(byte)
        case _ where isNameByte(byte):
            while isNameByte(peek()) { advance() }
            let isVersioned = peek() == UInt8(ascii: "@") && isNameByte(peek(1))
            if isVersioned { repeat { advance() } while isNameByte(peek()) }
            if isDigit(byte) { diagnostics.add(start, "a name cannot begin with a digit") }
            if offset - start.offset > Lexer.longestName {
                diagnostics.add(start, "a name has at most \(Lexer.longestName) bytes")
            }
            return isVersioned ? .versionedName : .name
        default:
            refuse(byte, at: start)
            return nil
        }
    }

    private mutating func refuse(_ byte: UInt8, at start: Mark) {
        while offset < source.count, [UInt8].isContinuation(peek()) { advance() }
        let scalar = String(decoding: source[start.offset..<offset], as: UTF8.self)
        let shown = byte < 0x20 || byte == 0x7f ? "control character \(byte)" : "`\(scalar)`"
        diagnostics.add(start, "\(shown) has no meaning here; names are of letters, digits and `_`")
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    default: isDigit(byte)
    }
}
