/// Judges the lines of one head of an answer, interim or final, by RFC 9110 and RFC 9112. Stricter than libcurl, which
/// reads the same lines: whatever passes here, both understand alike.
struct AnswerHead {
    /// What the connection may speak, as far as the request tells.
    enum Speech { case http1, http2, either }

    enum Version { case http10, http11, http2 }

    struct StatusLine {
        var version: Version
        var code: Bytes
        var reason: Bytes
    }

    enum Line {
        case field(name: Bytes, value: Bytes)
        /// A field with the same value as one before it.
        case repeated
        /// More of the value before it (RFC 9112 section 5.2).
        case folded(Bytes)
    }

    enum Framing { case none, length(Int), chunked, untilClose }

    private(set) var version = Version.http11
    private(set) var status: Int32 = 0
    private var length: Int?
    private var isChunked = false
    /// Whether the line before may be continued: not at the start, and not where the framing hangs on the line.
    private var isFoldable = false

    var isInterim: Bool { status < 200 }

    /// `HTTP/1.1 200 OK`; libcurl writes `HTTP/2 200 ` for HTTP/2.
    init(statusLine line: Bytes, _ speech: Speech) throws(AnswerFault) {
        (version, status) = (.http11, 0)
        let parsed = try Self.parse(line)
        switch (parsed.version, speech) {
        case (.http2, .http1):
            throw .malformed("an HTTP/2 status line on a connection that speaks HTTP/1.1")
        case (.http10, .http2), (.http11, .http2):
            throw .malformed("an HTTP/1 status line on a connection that speaks HTTP/2")
        case (.http2, _) where !parsed.reason.isEmpty:
            throw .malformed("an HTTP/2 status line with a reason phrase, which HTTP/2 does not have")
        default: break
        }
        version = parsed.version
        status = parsed.code.reduce(0) { $0 * 10 + Int32($1 & 0xF) }
    }

    static func parse(_ line: Bytes) throws(AnswerFault) -> StatusLine {
        guard ASCII.hasPrefix(line, "HTTP/"), let space = line.firstIndex(of: ASCII.space, in: 5..<line.count) else {
            throw .malformed("the answer begins with \(AnswerFault.quote(line)), which is no HTTP status line")
        }
        let number = line.part(5..<space)
        let version: Version
        if ASCII.isEqual(number, "1.1") {
            version = .http11
        } else if ASCII.isEqual(number, "1.0") {
            version = .http10
        } else if ASCII.isEqual(number, "2") {
            version = .http2
        } else {
            throw .malformed("the status line names HTTP version \(AnswerFault.quote(number)), not 1.0 or 1.1")
        }
        let end = line.firstIndex(of: ASCII.space, in: (space + 1)..<line.count) ?? line.count
        let code = line.part(space + 1..<end)
        guard code.count == 3, code.allSatisfy(ASCII.isDigit), code[0] != UInt8(ascii: "0") else {
            throw .malformed("the status \(AnswerFault.quote(code)) is no number from 100 to 999")
        }
        let reason = line.part(min(end + 1, line.count)..<line.count)
        try refuseControls(reason, "the status line")
        return StatusLine(version: version, code: code, reason: reason)
    }

    /// A line behind the status line, not empty, its end removed.
    mutating func take(_ line: Bytes) throws(AnswerFault) -> Line {
        if line[0] == ASCII.space || line[0] == ASCII.tab { return try fold(line) }
        let (name, value) = try Self.field(line)
        isFoldable = true
        switch name.count {
        case 8 where ASCII.matches(name, "location"):
            // libcurl reads the address for a redirect from this line alone.
            isFoldable = false
        case 14 where ASCII.matches(name, "content-length"):
            isFoldable = false
            guard try takeLength(value) else { return .repeated }
        case 17 where ASCII.matches(name, "transfer-encoding"):
            isFoldable = false
            try takeCoding(value)
        case _ where version == .http2 && name.contains { $0 != ASCII.lower($0) }:
            throw .malformed(
                "the header name \(AnswerFault.quote(name)) has capital letters, which HTTP/2 does not have")
        default: break
        }
        return .field(name: name, value: value)
    }

    /// Splits and checks `Name: value`, in heads and trailers.
    static func field(_ line: Bytes) throws(AnswerFault) -> (name: Bytes, value: Bytes) {
        guard let colon = line.firstIndex(of: ASCII.colon, in: 0..<line.count) else {
            throw .malformed("the header line \(AnswerFault.quote(line)) has no colon")
        }
        let name = line.part(0..<colon)
        guard !name.isEmpty else { throw .malformed("a header line without a name") }
        guard name.allSatisfy(ASCII.isToken) else {
            throw .malformed("the header name \(AnswerFault.quote(name)) has a character that header names do not have")
        }
        let value = line.part(colon + 1..<line.count)
        try refuseControls(value, "the value of header \(AnswerFault.quote(name))")
        return (name, ASCII.trimmed(value))
    }

    private static func refuseControls(_ bytes: Bytes, _ place: @autoclosure () -> String) throws(AnswerFault) {
        guard let byte = bytes.first(where: { $0 < ASCII.space && $0 != ASCII.tab || $0 == 0x7F }) else { return }
        throw .malformed("\(place()) has the control character \(byte)")
    }

    private func fold(_ line: Bytes) throws(AnswerFault) -> Line {
        guard isFoldable else {
            throw .malformed("the folded header line \(AnswerFault.quote(ASCII.trimmed(line))) continues no other")
        }
        try Self.refuseControls(line, "a folded header line")
        return .folded(ASCII.trimmed(line))
    }

    /// False when it says the same again, which RFC 9110 section 8.6 lets pass.
    private mutating func takeLength(_ value: Bytes) throws(AnswerFault) -> Bool {
        let isFirst = length == nil
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let digits = ASCII.trimmed(Bytes(rebasing: part))
            guard !digits.isEmpty, digits.allSatisfy(ASCII.isDigit) else {
                throw .malformed("the Content-Length \(AnswerFault.quote(value)) is no number")
            }
            guard let number = ASCII.number(digits) else {
                throw .malformed("the Content-Length \(AnswerFault.quote(value)) overflows")
            }
            guard length == nil || length == number else {
                throw .malformed("the answer has differing Content-Lengths, \(length ?? 0) and \(number)")
            }
            length = number
        }
        return isFirst
    }

    /// No other coding than chunked was asked for (TE is never sent).
    private mutating func takeCoding(_ value: Bytes) throws(AnswerFault) {
        guard version == .http11 else {
            throw .malformed("Transfer-Encoding in an HTTP/\(version == .http2 ? "2" : "1.0") answer")
        }
        guard !isChunked else { throw .malformed("the answer is chunked twice (two Transfer-Encoding lines)") }
        guard ASCII.matches(value, "chunked") else {
            throw .malformed(
                "the Transfer-Encoding \(AnswerFault.quote(value)) was not asked for, only 'chunked' is known")
        }
        isChunked = true
    }

    /// The head is complete: how its body ends.
    func end(isHead: Bool) throws(AnswerFault) -> Framing {
        guard status != 101 else { throw .malformed("the server switched protocols (101) without being asked") }
        guard !(isChunked && length != nil) else {
            throw .malformed("the answer has both Content-Length and Transfer-Encoding")
        }
        if isInterim || status == 204 {
            guard !isChunked, length ?? 0 == 0 else {
                throw .malformed("an answer of status \(status) has no body, but this one announces one")
            }
            return .none
        }
        if isHead || status == 304 { return .none }
        if isChunked { return .chunked }
        return length.map { .length($0) } ?? .untilClose
    }
}

extension ASCII {
    /// Without blanks (space, tab) at either end.
    static func trimmed(_ bytes: Bytes) -> Bytes {
        var range = 0..<bytes.count
        while let first = range.first, bytes[first] == space || bytes[first] == tab { range = range.dropFirst() }
        while let last = range.last, bytes[last] == space || bytes[last] == tab { range = range.dropLast() }
        return bytes.part(range)
    }

    /// The value of digits, nil when it is above Int.max.
    static func number(_ digits: Bytes) -> Int? {
        var value = 0
        for digit in digits {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, wrapped) = tens.addingReportingOverflow(Int(digit & 0xF))
            guard !overflow, !wrapped else { return nil }
            value = sum
        }
        return value
    }
}
