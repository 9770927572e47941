internal import Config

/// What the fields Prefer of a request ask for (RFC 7240), as far as the node knows it.
struct Preferences: Equatable {
    /// The answer need not wait for the result.
    var isAsync = false
    /// Nanoseconds for which it may.
    var wait: UInt64?

    private static let longestWait: UInt64 = 3600

    /// Nothing when there is no such field. What is not understood, or repeated, is passed over, as the RFC wants.
    init(_ head: RequestHead) {
        for field in head.fields where head.bytes(field.name).equalsIgnoringCase("prefer") {
            head.bytes(field.value).forEachPiece(separatedBy: ASCII.comma) { piece in
                take(MediaType.essence(piece))
                return true
            }
        }
    }

    private mutating func take(_ preference: Bytes) {
        guard let equals = preference.firstIndex(of: ASCII.equals, from: 0) else {
            if preference.equalsIgnoringCase("respond-async") { isAsync = true }
            return
        }
        guard wait == nil, preference.part(0..<equals).trimmed().equalsIgnoringCase("wait"),
            let seconds = UInt64(preference.part(equals + 1..<preference.count).trimmed().text)
        else { return }
        wait = min(seconds, Self.longestWait) * 1_000_000_000
    }
}

extension RequestHead {
    /// The field Idempotency-Key, a text in quotes or as it is.
    /// - Throws: 400 for two of them, and for what is no key.
    func idempotencyKey() throws(Problem) -> String? {
        let given = fields.filter { bytes($0.name).equalsIgnoringCase("idempotency-key") }
        guard let field = given.first else { return nil }
        var value = bytes(field.value)
        if value.count >= 2, value.first == ASCII.quote, value[value.count - 1] == ASCII.quote {
            value = value.part(1..<value.count - 1)
        }
        let isPlain = value.allSatisfy {
            (0x21...0x7e).contains($0) && $0 != ASCII.quote && $0 != ASCII.backslash && $0 != ASCII.comma
        }
        guard given.count == 1, isPlain, (1...255).contains(value.count) else {
            throw .malformed(
                "Idempotency-Key must be one text of 1 to 255 visible ASCII characters without quotes, commas and backslashes"
            )
        }
        return value.text
    }
}
