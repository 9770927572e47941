/// A response while it arrives, kept as one text so that either signature's items are parts of it:
///
///     HTTP/1.1 200 OK\n       headers (first signature)      response (second signature)
///     key:value\n             headers                        response
///     \n                                                     response
///     body                    bodies                         response, and body
struct Response: ~Copyable {
    enum Trouble { case none, tooLarge, noMemory }

    private enum Part { case statusLine, fields, body }

    private var text = ByteBuffer()
    private var part = Part.statusLine
    private var headCount = 0
    private var limit = 0
    /// Why receiving was stopped.
    private(set) var trouble = Trouble.none
    private(set) var status: Int32 = 0
    /// From Content-Length.
    private var announced: Int?

    static let keptCapacity = 1 << 20
    /// A server's announcement reserves no more than this at once.
    private static let maxReserve = 16 << 20

    /// Makes ready for a response whose text may be `limit` bytes long.
    mutating func begin(limit: Int) {
        self.limit = limit
        trouble = .none
        restart()
    }

    /// Gives back storage that only large responses need.
    mutating func end() { text.clear(keeping: Self.keptCapacity) }

    private mutating func restart() {
        text.clear()
        part = .statusLine
        headCount = 0
        status = 0
        announced = nil
    }

    /// Takes a line of the head, its end included, as libcurl gives it. False stops the transfer.
    mutating func takeHead(_ line: Bytes, expectsBody: Bool) -> Bool {
        let line = line.part(0..<Self.lengthWithoutEnd(line))
        switch part {
        case .statusLine: return takeStatusLine(line)
        case .fields where !line.isEmpty: return takeField(line)
        case .fields where status < 200 && status != 101:
            // An interim response: the real one follows (RFC 9110 section 15.2).
            restart()
            return true
        case .fields:
            headCount = text.count
            part = .body
            guard append(ASCII.lf) else { return false }
            return expectsBody ? reserveBody() : true
        case .body: return true  // trailers are left out
        }
    }

    mutating func takeBody(_ bytes: Bytes) -> Bool {
        guard bytes.count <= limit - text.count else { return fail(.tooLarge) }
        return text.append(bytes) || fail(.noMemory)
    }

    /// Status line and headers, without the empty line.
    var head: Bytes { text.bytes.part(0..<headCount) }
    /// Everything.
    var whole: Bytes { text.bytes }
    var body: Bytes { text.bytes.part(min(headCount + 1, text.count)..<text.count) }
    var isHeadComplete: Bool { part == .body }

    private mutating func reserveBody() -> Bool {
        guard let announced, status != 204, status != 304 else { return true }
        guard announced <= limit - text.count else { return fail(.tooLarge) }
        return text.reserve(min(announced, Self.maxReserve)) || fail(.noMemory)
    }

    /// `HTTP/1.1 200 OK`, `HTTP/2 200`
    private mutating func takeStatusLine(_ line: Bytes) -> Bool {
        guard ASCII.hasPrefix(line, "HTTP/"), let space = line.firstIndex(of: ASCII.space, in: 5..<line.count) else {
            return true  // libcurl has judged the line already; what it lets pass in front of one is no response
        }
        let code = line.part(space + 1..<min(space + 4, line.count))
        status = code.reduce(0) { ASCII.isDigit($1) ? $0 * 10 + Int32($1 & 0xF) : $0 }
        part = .fields
        let reason = line.part(min(space + 5, line.count)..<line.count)
        guard append(Self.version(line.part(5..<space))), append(ASCII.space), append(code), append(ASCII.space) else {
            return false
        }
        if reason.isEmpty { return append(Reason.phrase(status)) && append(ASCII.lf) }
        return appendClean(reason) && append(ASCII.lf)
    }

    private static func version(_ number: Bytes) -> StaticString {
        if ASCII.isEqual(number, "1.1") { return "HTTP/1.1" }
        if ASCII.isEqual(number, "1.0") { return "HTTP/1.0" }
        return number.first == UInt8(ascii: "2") ? "HTTP/2.0" : "HTTP/3.0"
    }

    private mutating func takeField(_ line: Bytes) -> Bool {
        if line[0] == ASCII.space || line[0] == ASCII.tab { return unfold(line) }
        guard let colon = line.firstIndex(of: ASCII.colon, in: 0..<line.count), colon > 0,
            line.part(0..<colon).allSatisfy(ASCII.isToken)
        else { return true }  // neither a header nor a reason to give up
        let value = Self.trimmed(line.part(colon + 1..<line.count))
        if ASCII.matches(line.part(0..<colon), "content-length") { announced = Self.number(value) }
        for byte in line.part(0..<colon) {
            guard append(ASCII.lower(byte)) else { return false }
        }
        return append(ASCII.colon) && appendClean(value) && append(ASCII.lf)
    }

    /// A line that continues the one before it (RFC 9112 section 5.2).
    private mutating func unfold(_ line: Bytes) -> Bool {
        text.removeLast()
        return append(ASCII.space) && appendClean(Self.trimmed(line)) && append(ASCII.lf)
    }

    private static func number(_ text: Bytes) -> Int? {
        guard (1...18).contains(text.count), text.allSatisfy(ASCII.isDigit) else { return nil }
        return text.reduce(0) { $0 &* 10 &+ Int($1 & 0xF) }
    }

    private static func lengthWithoutEnd(_ line: Bytes) -> Int {
        var count = line.count
        if count > 0, line[count - 1] == ASCII.lf { count -= 1 }
        if count > 0, line[count - 1] == ASCII.cr { count -= 1 }
        return count
    }

    private static func trimmed(_ bytes: Bytes) -> Bytes {
        var range = 0..<bytes.count
        while let first = range.first, bytes[first] <= ASCII.space { range = range.dropFirst() }
        while let last = range.last, bytes[last] <= ASCII.space { range = range.dropLast() }
        return bytes.part(range)
    }

    private mutating func append(_ byte: UInt8) -> Bool {
        guard text.count < limit else { return fail(.tooLarge) }
        return text.append(byte) || fail(.noMemory)
    }

    private mutating func append(_ text: StaticString) -> Bool {
        append(Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func append(_ bytes: Bytes) -> Bool { takeBody(bytes) }

    /// Control characters would let a server write lines of its own: they become spaces.
    private mutating func appendClean(_ bytes: Bytes) -> Bool {
        let start = text.count
        guard append(bytes) else { return false }
        text.replaceControls(from: start)
        return true
    }

    private mutating func fail(_ trouble: Trouble) -> Bool {
        self.trouble = trouble
        return false
    }
}

/// Reason phrases for versions of HTTP that send none (RFC 9110 section 15).
enum Reason {
    static func phrase(_ status: Int32) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "Payload Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Entity"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Unknown"
        }
    }
}
