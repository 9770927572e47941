/// Parses the head of an HTTP/1.1 request line by line, as its bytes arrive (RFC 9112, strictly: no bare CR or LF,
/// no obs-fold, no space before a colon).
struct HeadParser {
    /// Start of the line being waited for, from the start of the request.
    private(set) var position = 0
    private var scanned = 0
    private var hasRequestLine = false
    private var hasHost = false
    private var connection = ConnectionOptions()

    /// - Parameter bytes: The request's bytes so far; the earlier ones as in the calls before.
    /// - Returns: whether the head is complete; `position` is then where it ends.
    mutating func advance(_ bytes: Bytes, limits: Limits, head: RequestHead) throws(Problem) -> Bool {
        head.base = bytes.baseAddress
        while let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, from: scanned) {
            guard lineFeed < limits.head else { break }
            let start = position
            guard lineFeed > start, bytes[lineFeed - 1] == ASCII.carriageReturn else {
                throw .malformed("a line of the request's head ends without CR", at: lineFeed)
            }
            position = lineFeed + 1
            scanned = position
            if lineFeed - 1 > start {
                try parse(line: start..<lineFeed - 1, of: bytes, limits: limits, head: head)
            } else if hasRequestLine {
                try finish(head)
                return true
            } else if start >= 2 {
                throw .malformed("empty lines instead of a request", at: start)
            }
        }
        scanned = max(scanned, min(bytes.count, limits.head))
        guard bytes.count < limits.head else {
            if !hasRequestLine { throw Problem(.uriTooLong, "tooLarge", "request line exceeds \(limits.head) bytes") }
            throw Problem(.headerFieldsTooLarge, "tooLarge", "header fields exceed \(limits.head) bytes")
        }
        return false
    }

    private mutating func parse(
        line: Range<Int>, of bytes: Bytes, limits: Limits, head: RequestHead
    ) throws(Problem) {
        guard hasRequestLine else {
            try parseRequestLine(line, of: bytes, head: head)
            hasRequestLine = true
            return
        }
        guard head.fields.count < limits.fields else {
            throw Problem(.headerFieldsTooLarge, "tooLarge", "more than \(limits.fields) header fields")
        }
        let field = try Self.field(line, of: bytes)
        head.fields.append(field)
        try interpret(head.bytes(field.name), head.bytes(field.value), at: line.lowerBound, head: head)
    }

    private mutating func parseRequestLine(
        _ line: Range<Int>, of bytes: Bytes, head: RequestHead
    ) throws(Problem) {
        let text = bytes.part(line)
        guard let first = text.firstIndex(of: ASCII.space, from: 0), first > 0,
            let second = text.firstIndex(of: ASCII.space, from: first + 1), second > first + 1
        else { throw .malformed("request line is not METHOD TARGET VERSION", at: line.lowerBound) }
        let name = text.part(0..<first)
        guard name.allSatisfy(ASCII.isToken) else { throw .malformed("method is not a token", at: line.lowerBound) }
        head.method = Method(name)
        head.isHTTP10 = try Self.isHTTP10(version: text.part(second + 1..<text.count), at: line.lowerBound + second + 1)
        let target = text.part(first + 1..<second)
        let start = line.lowerBound + first + 1
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }),
            head.split(target: UInt32(start)..<UInt32(line.lowerBound + second))
        else { throw .malformed("request target is not a path or a URL", at: start) }
    }

    private static func isHTTP10(version: Bytes, at offset: Int) throws(Problem) -> Bool {
        if version.equals("HTTP/1.1") { return false }
        if version.equals("HTTP/1.0") { return true }
        guard version.count == 8, version.hasPrefix("HTTP/"), ASCII.isDigit(version[5]),
            version[6] == UInt8(ascii: "."), ASCII.isDigit(version[7])
        else { throw .malformed("version is not HTTP/1.1", at: offset) }
        // A later minor version of 1 is answered as 1.1 (RFC 9110, 2.5).
        if version[5] == UInt8(ascii: "1") { return false }
        throw Problem(.versionNotSupported, "versionNotSupported", "the node speaks HTTP/1.1 and HTTP/2")
    }

    /// Splits `line` into name and value, both checked.
    static func field(_ line: Range<Int>, of bytes: Bytes) throws(Problem) -> RequestHead.Field {
        let text = bytes.part(line)
        guard let colon = text.firstIndex(of: ASCII.colon, from: 0), colon > 0 else {
            throw .malformed("header field without a name", at: line.lowerBound)
        }
        guard text.part(0..<colon).allSatisfy(ASCII.isToken) else {
            throw .malformed("header field name is not a token", at: line.lowerBound)
        }
        guard text.part(colon + 1..<text.count).allSatisfy(ASCII.isFieldValue) else {
            throw .malformed("control character in a header field", at: line.lowerBound)
        }
        var low = line.lowerBound + colon + 1
        var high = line.upperBound
        while low < high, ASCII.isBlank(bytes[low]) { low += 1 }
        while low < high, ASCII.isBlank(bytes[high - 1]) { high -= 1 }
        // Within UInt32: a head is shorter than its limit.
        return RequestHead.Field(
            name: UInt32(line.lowerBound)..<UInt32(line.lowerBound + colon), value: UInt32(low)..<UInt32(high))
    }

    private mutating func interpret(
        _ name: Bytes, _ value: Bytes, at offset: Int, head: RequestHead
    ) throws(Problem) {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            guard !hasHost else { throw .malformed("more than one Host field", at: offset) }
            guard Authority.isValid(value) else { throw .malformed("Host is not a host and a port", at: offset) }
            hasHost = true
            // An absolute-form target overrides it (RFC 9112, 3.2.2).
            if head.authority.isEmpty, let field = head.fields.last { head.authority = field.value }
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else {
                throw Problem(.expectationFailed, "expectationFailed", "the node meets no expectation but 100-continue")
            }
            head.expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"): connection.read(value)
        case 14 where name.equalsIgnoringCase("content-length"):
            guard let length = value.decimal else { throw .malformed("Content-Length is not a number", at: offset) }
            guard head.contentLength == nil || head.contentLength == length else {
                throw .malformed("two Content-Length fields differ", at: offset)
            }
            head.contentLength = length
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            guard value.equalsIgnoringCase("chunked") else {
                throw Problem(.notImplemented, "notImplemented", "the node knows no transfer coding but chunked")
            }
            guard !head.isChunked else { throw .malformed("chunked applied twice", at: offset) }
            head.isChunked = true
        default: break
        }
    }

    private func finish(_ head: RequestHead) throws(Problem) {
        guard hasHost || head.isHTTP10 else { throw .malformed("no Host field") }
        if head.isChunked {
            // Either would let a proxy before us see other requests than we do (RFC 9112, 6.1).
            guard head.contentLength == nil else { throw .malformed("Content-Length and Transfer-Encoding together") }
            guard !head.isHTTP10 else { throw .malformed("Transfer-Encoding in HTTP/1.0") }
        }
        head.keepsAlive = head.isHTTP10 ? connection.keepsAlive && !connection.closes : !connection.closes
        head.expectsContinue = head.expectsContinue && !head.isHTTP10
    }
}

/// What the Connection field asks for. Upgrade is ignored, as a server may (RFC 9110, 7.8): HTTP/2 begins with its preface, so
/// that a proxy before the node sees every request.
private struct ConnectionOptions {
    var closes = false
    var keepsAlive = false

    mutating func read(_ value: Bytes) {
        value.forEachPiece(separatedBy: ASCII.comma) { option in
            closes = closes || option.equalsIgnoringCase("close")
            keepsAlive = keepsAlive || option.equalsIgnoringCase("keep-alive")
            return true
        }
    }
}
