/// Formats of item sets, in bodies and replies.
enum MediaType: CaseIterable {
    /// The bytes of one item.
    case raw
    case json
    case bson
    case multipart

    /// Of a Content-Type field; anything unknown is the bytes of one item.
    init(contentType value: Bytes?) {
        let type = value.map(Self.essence)
        if let type, type.equalsIgnoringCase("application/json") {
            self = .json
        } else if let type, type.equalsIgnoringCase("application/bson") {
            self = .bson
        } else if let type, type.equalsIgnoringCase("multipart/form-data") {
            self = .multipart
        } else {
            self = .raw
        }
    }

    private var type: StaticString {
        switch self {
        case .raw: "application/octet-stream"
        case .json: "application/json"
        case .bson: "application/bson"
        case .multipart: "multipart/form-data"
        }
    }

    private var typeWildcard: StaticString { self == .multipart ? "multipart/*" : "application/*" }

    /// Without parameters.
    static func essence(_ value: Bytes) -> Bytes {
        value.part(0..<(value.firstIndex(of: ASCII.semicolon, from: 0) ?? value.count)).trimmed()
    }

    /// Parameters of a field's value, by name in any case.
    struct Parameters {
        fileprivate var all: [(name: Bytes, value: Bytes)] = []

        /// The value without its quotes; `name` is in lower case.
        subscript(_ name: StaticString) -> Bytes? { all.first { $0.name.equalsIgnoringCase(name) }?.value }
    }

    /// - Throws: 400 for a parameter without a value, a quoted value that does not end, or a name that is given twice.
    static func parameters(of value: Bytes) throws(Problem) -> Parameters {
        var parameters = Parameters()
        var rest = value
        while let semicolon = unquotedSemicolon(in: rest) {
            rest = rest.part(semicolon + 1..<rest.count)
            let piece = rest.part(0..<(unquotedSemicolon(in: rest) ?? rest.count)).trimmed()
            if piece.count == 0 { continue }
            guard let equals = piece.firstIndex(of: ASCII.equals, from: 0), equals > 0 else {
                throw .malformed("the parameter '\(piece.text)' has no value")
            }
            let name = piece.part(0..<equals)
            guard !parameters.all.contains(where: { $0.name.isSame(as: name) }), parameters.all.count < mostParameters
            else {
                throw .malformed("the parameter '\(name.text)' is given twice, or there are too many")
            }
            parameters.all.append((name, try unquoted(piece.part(equals + 1..<piece.count))))
        }
        return parameters
    }

    private static let mostParameters = 32

    private static func unquoted(_ text: Bytes) throws(Problem) -> Bytes {
        guard text.first == ASCII.quote else {
            guard text.firstIndex(of: ASCII.quote, from: 0) == nil else {
                throw .malformed("a quote inside the parameter's value '\(text.text)'")
            }
            return text
        }
        var index = 1
        while index < text.count, text[index] != ASCII.quote { index += text[index] == ASCII.backslash ? 2 : 1 }
        guard index == text.count - 1 else { throw .malformed("the quoted value \(text.text) does not end properly") }
        return text.part(1..<index)
    }

    private static func unquotedSemicolon(in bytes: Bytes) -> Int? {
        var quoted = false
        var escaped = false
        for (index, byte) in bytes.enumerated() {
            if escaped {
                escaped = false
            } else if quoted, byte == ASCII.backslash {
                escaped = true
            } else if byte == ASCII.quote {
                quoted.toggle()
            } else if byte == ASCII.semicolon, !quoted {
                return index
            }
        }
        return nil
    }

    /// Ranges of an Accept field that are looked at: each costs time, and nobody needs more.
    private static let mostRanges = 64

    /// The format that an Accept field prefers among `offers`, of which the first is preferred among equals.
    /// - Returns: nil if it accepts none.
    static func preferred(accept: Bytes?, offers: [MediaType]) -> MediaType? {
        guard let accept, accept.count > 0 else { return offers.first }
        var best: (type: MediaType, weight: Int)?
        for offer in offers {
            let weight = offer.weight(in: accept)
            if weight > best?.weight ?? 0 { best = (offer, weight) }
        }
        return best?.type
    }

    /// Whether an Accept field names plain text, and JSON not as gladly. Ranges such as */* say nothing of that: many
    /// libraries that want JSON send them.
    static func prefersText(accept: Bytes) -> Bool {
        var (text, json, count) = (0, 0, 0)
        accept.forEachPiece(separatedBy: ASCII.comma) { range in
            count += 1
            guard count <= Self.mostRanges else { return false }
            let name = Self.essence(range)
            let weight = (try? Self.parameters(of: range))?["q"].map(Self.thousandths) ?? 1000
            if name.equalsIgnoringCase("text/plain") {
                text = weight
            } else if name.equalsIgnoringCase("application/problem+json") || name.equalsIgnoringCase("application/json")
            {
                json = max(json, weight)
            }
            return true
        }
        return text > json
    }

    /// Thousandths; the most specific range that matches decides (RFC 9110, 12.5.1).
    private func weight(in accept: Bytes) -> Int {
        var best = (specificity: 0, weight: 0)
        var count = 0
        accept.forEachPiece(separatedBy: ASCII.comma) { range in
            count += 1
            guard count <= Self.mostRanges else { return false }
            let name = Self.essence(range)
            let specificity = name.equalsIgnoringCase(type) ? 3 : name.equalsIgnoringCase(typeWildcard) ? 2 : 1
            guard specificity > 1 || name.equals("*/*"), specificity > best.specificity else { return true }
            best = (specificity, (try? Self.parameters(of: range))?["q"].map(Self.thousandths) ?? 1000)
            return true
        }
        return best.weight
    }

    private static func thousandths(_ quality: Bytes) -> Int {
        guard let whole = quality.first, whole == ASCII.zero else { return 1000 }
        var value = 0
        var unit = 100
        for digit in quality.dropFirst(2).prefix(3) where ASCII.isDigit(digit) {
            value += Int(digit &- ASCII.zero) * unit
            unit /= 10
        }
        return value
    }
}
