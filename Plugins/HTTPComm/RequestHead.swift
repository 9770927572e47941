internal import Glibc
internal import PluginKit

/// The highest version of HTTP that a request asks for.
enum HTTPVersion {
    case http10, http11, http2
}

/// The head of a request item, checked:
///
///     METHOD SP absolute-URL SP HTTP/x.y
///     Key:Value            any number of times
///                          an empty line
///     body
///
/// Lines end with LF or CRLF. The item may end after any line, the last line's end left out. All ranges are offsets
/// into the item.
struct RequestHead {
    var method: Range<Int>
    var target: Target
    var version: HTTPVersion
    /// The header lines, their ends included.
    var fields: Range<Int>
    var body: Range<Int>

    static let maxHead = 64 << 10
    static let maxMethod = 64

    /// Checks everything but the policy.
    init(_ item: Bytes, maxRequest: Int) throws(PluginError) {
        guard item.count <= maxRequest else {
            throw .badInput(maxRequest, "the request is longer than the limit of \(maxRequest) bytes")
        }
        var lines = LineReader(item)
        guard let first = try lines.next() else { throw .badInput(0, "the request is empty") }
        (method, target, version) = try Self.requestLine(item, first)
        let start = lines.offset
        fields = start..<start
        while let line = try lines.next() {
            if line.isEmpty { break }
            fields = start..<lines.offset
            try Self.check(HeaderField(item, line), item, target)
        }
        body = lines.offset..<item.count
        try checkBody(item)
    }

    private static func requestLine(
        _ item: Bytes, _ line: Range<Int>
    ) throws(PluginError) -> (Range<Int>, Target, HTTPVersion) {
        guard let space = item.firstIndex(of: ASCII.space, in: line) else {
            throw .badInput(line.upperBound, "the first line must be: METHOD URL HTTP/1.1")
        }
        let method = line.lowerBound..<space
        guard !method.isEmpty, method.count <= maxMethod else {
            throw .badInput(line.lowerBound, "the method is empty or longer than \(maxMethod) characters")
        }
        for index in method where !ASCII.isToken(item[index]) {
            throw .badInput(index, "the method has a character that methods do not have")
        }
        if ASCII.isEqual(item.part(method), "CONNECT") {
            throw .badInput(line.lowerBound, "CONNECT opens tunnels, which functions cannot use")
        }
        guard let second = item.firstIndex(of: ASCII.space, in: (space + 1)..<line.upperBound) else {
            throw .badInput(line.upperBound, "the version is missing after the URL: METHOD URL HTTP/1.1")
        }
        let target = try Target(item, in: (space + 1)..<second)
        return (method, target, try version(item, (second + 1)..<line.upperBound))
    }

    /// The versions of the original: 0.9 is asked for as 1.0, 3.0 as 2 where TLS can agree on it and as 1.1 elsewhere.
    private static func version(_ item: Bytes, _ range: Range<Int>) throws(PluginError) -> HTTPVersion {
        let text = item.part(range)
        if ASCII.isEqual(text, "HTTP/1.1") || ASCII.isEqual(text, "HTTP/3.0") { return .http11 }
        if ASCII.isEqual(text, "HTTP/1.0") || ASCII.isEqual(text, "HTTP/0.9") { return .http10 }
        if ASCII.isEqual(text, "HTTP/2.0") { return .http2 }
        throw .badInput(range.lowerBound, "the version must be one of HTTP/0.9, 1.0, 1.1, 2.0 and 3.0")
    }

    private static func check(_ field: HeaderField, _ item: Bytes, _ target: Target) throws(PluginError) {
        switch field.kind {
        case .transferEncoding:
            throw .badInput(field.name.lowerBound, "transfer-encoding is the node's; write the body as it is")
        case .host where !target.isNamed(by: item.part(field.trimmedValue), in: item):
            throw .badInput(field.value.lowerBound, "the Host header differs from the URL's host and port")
        default: break
        }
    }

    private func checkBody(_ item: Bytes) throws(PluginError) {
        guard !body.isEmpty else { return }
        let name = item.part(method)
        // RFC 9110 gives these no content (sections 9.3.2, 9.3.8).
        if ASCII.isEqual(name, "HEAD") || ASCII.isEqual(name, "TRACE") {
            throw .badInput(body.lowerBound, "a \(ASCII.printable(name)) request has no body")
        }
    }

    /// Whether sending it twice is as good as once (RFC 9110 section 9.2.2). Methods are case-sensitive.
    func isIdempotent(_ item: Bytes) -> Bool {
        let name = item.part(method)
        return ASCII.isEqual(name, "GET") || ASCII.isEqual(name, "HEAD") || ASCII.isEqual(name, "PUT")
            || ASCII.isEqual(name, "DELETE") || ASCII.isEqual(name, "OPTIONS") || ASCII.isEqual(name, "TRACE")
    }
}

/// Lines of a head, their ends (LF or CRLF) left out; ends at the item's end or at the head's greatest size.
struct LineReader {
    private let item: Bytes
    private let end: Int
    /// Of what follows the line read last.
    private(set) var offset = 0

    init(_ item: Bytes) {
        self.item = item
        end = min(item.count, RequestHead.maxHead)
    }

    init(_ item: Bytes, fields: Range<Int>) {
        self.item = item
        offset = fields.lowerBound
        end = fields.upperBound
    }

    mutating func next() throws(PluginError) -> Range<Int>? {
        guard offset < end else {
            guard end == RequestHead.maxHead, item.count > end else { return nil }
            throw .badInput(end, "the first line and the headers are longer than 64 KiB")
        }
        let start = offset
        guard let lf = item.firstIndex(of: ASCII.lf, in: start..<end) else {
            guard end < RequestHead.maxHead || item.count <= end else {
                throw .badInput(end, "the first line and the headers are longer than 64 KiB")
            }
            offset = end
            return start..<Self.withoutCR(item, start, end)
        }
        offset = lf + 1
        return start..<Self.withoutCR(item, start, lf)
    }

    private static func withoutCR(_ item: Bytes, _ start: Int, _ end: Int) -> Int {
        end > start && item[end - 1] == ASCII.cr ? end - 1 : end
    }
}

/// One header line of a request.
struct HeaderField {
    /// What the plugin does with a header.
    enum Kind {
        /// Sent as written.
        case endToEnd
        /// Sent as written, but not to another host after a redirect.
        case sensitive
        /// Sent as written, unless the host says which trace the request belongs to.
        case trace
        /// Describes the body: sent as written while the body is.
        case content
        /// Made by the plugin or between it and the server only: not sent as written.
        case owned
        case host
        case transferEncoding
    }

    var name: Range<Int>
    /// Behind the colon, as written.
    var value: Range<Int>
    var trimmedValue: Range<Int>
    var kind: Kind

    init(_ item: Bytes, _ line: Range<Int>) throws(PluginError) {
        guard let colon = item.firstIndex(of: ASCII.colon, in: line) else {
            throw .badInput(line.lowerBound, "the header line has no colon (Key:Value)")
        }
        name = line.lowerBound..<colon
        guard !name.isEmpty else { throw .badInput(colon, "the header has no name") }
        for index in name where !ASCII.isToken(item[index]) {
            throw .badInput(index, "the header name has a character that header names do not have")
        }
        value = (colon + 1)..<line.upperBound
        for index in value where item[index] < ASCII.space && item[index] != ASCII.tab || item[index] == 0x7F {
            throw .badInput(index, "the header value has a control character")
        }
        var trimmed = value
        while let first = trimmed.first, Self.isBlank(item[first]) { trimmed = trimmed.dropFirst() }
        while let last = trimmed.last, Self.isBlank(item[last]) { trimmed = trimmed.dropLast() }
        trimmedValue = trimmed
        kind = Self.kind(item.part(name))
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }

    private static func kind(_ name: Bytes) -> Kind {
        switch name.count {
        case 2: ASCII.matches(name, "te") ? .owned : .endToEnd
        case 4: ASCII.matches(name, "host") ? .host : .endToEnd
        case 6 where ASCII.matches(name, "cookie"): .sensitive
        case 6: ASCII.matches(name, "expect") ? .owned : .endToEnd
        case 7 where ASCII.matches(name, "cookie2"): .sensitive
        case 7: ASCII.matches(name, "trailer") || ASCII.matches(name, "upgrade") ? .owned : .endToEnd
        case 10 where ASCII.matches(name, "tracestate"): .trace
        case 11: ASCII.matches(name, "traceparent") ? .trace : .endToEnd
        case 10: ASCII.matches(name, "connection") || ASCII.matches(name, "keep-alive") ? .owned : .endToEnd
        case 12: ASCII.matches(name, "content-type") ? .content : .endToEnd
        case 13: ASCII.matches(name, "authorization") ? .sensitive : .endToEnd
        case 14: ASCII.matches(name, "content-length") || ASCII.matches(name, "http2-settings") ? .owned : .endToEnd
        case 16 where ASCII.matches(name, "content-encoding"), 16 where ASCII.matches(name, "content-language"),
            16 where ASCII.matches(name, "content-location"):
            .content
        case 16: ASCII.matches(name, "proxy-connection") ? .owned : .endToEnd
        case 17: ASCII.matches(name, "transfer-encoding") ? .transferEncoding : .endToEnd
        case 19: ASCII.matches(name, "proxy-authorization") ? .owned : .endToEnd
        default: .endToEnd
        }
    }
}
