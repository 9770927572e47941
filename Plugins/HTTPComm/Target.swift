internal import Glibc
internal import PluginKit

/// An absolute http or https URL, as ranges of the text that it stands in.
///
/// Stricter than RFC 3986 where parsers are known to disagree: no user part, and in the authority neither percent
/// signs, backslashes nor characters beyond ASCII. So what is checked here is what libcurl connects to.
struct Target {
    /// From the scheme to the end of the query; a fragment is left out.
    var url: Range<Int>
    var isTLS: Bool
    /// The host without brackets, with a trailing dot if it has one.
    var host: Range<Int>
    /// Host and port as written.
    var authority: Range<Int>
    var port: UInt16
    /// The host's address when it is no name.
    var address: IPAddress?

    static let maxHost = 255

    /// - Parameter range: where the URL stands in `text`; offsets of refusals are offsets into `text`.
    init(_ text: Bytes, in range: Range<Int>) throws(PluginError) {
        let start: Int
        (isTLS, start) = try Self.scheme(text, range)
        let hash = text.firstIndex(of: UInt8(ascii: "#"), in: range) ?? range.upperBound
        url = range.lowerBound..<hash
        for index in url where text[index] <= ASCII.space || text[index] == 0x7F {
            throw .badInput(index, "the URL has a control character or space; write it percent-encoded")
        }
        let end = url.dropFirst(start - url.lowerBound).first { Self.endsAuthority(text[$0]) } ?? hash
        authority = start..<end
        (host, port) = try Self.hostAndPort(text, authority, isTLS: isTLS)
        var name = host
        if text[name.upperBound - 1] == UInt8(ascii: ".") { name = name.dropLast() }
        address = IPAddress(host: text.part(name))
        if text[start] == UInt8(ascii: "["), address == nil {
            throw .badInput(host.lowerBound, "the host in brackets is no IPv6 address")
        }
    }

    private static func scheme(_ text: Bytes, _ range: Range<Int>) throws(PluginError) -> (isTLS: Bool, end: Int) {
        let head = text.part(range.prefix(8))
        if ASCII.matches(head.part(0..<min(7, head.count)), "http://") { return (false, range.lowerBound + 7) }
        if ASCII.matches(head, "https://") { return (true, range.lowerBound + 8) }
        if let colon = text.firstIndex(of: ASCII.colon, in: range), colon + 2 < range.upperBound,
            text[colon + 1] == UInt8(ascii: "/"), text[colon + 2] == UInt8(ascii: "/")
        {
            let scheme = ASCII.printable(text.part(range.lowerBound..<colon))
            throw .badInput(range.lowerBound, "the scheme \(scheme) is not supported, only http and https are")
        }
        throw .badInput(range.lowerBound, "the URL is not absolute: it must begin with http:// or https://")
    }

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?")
    }

    static func isHostByte(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_")
    }

    private static func hostAndPort(
        _ text: Bytes, _ authority: Range<Int>, isTLS: Bool
    ) throws(PluginError) -> (Range<Int>, UInt16) {
        if let at = text.firstIndex(of: UInt8(ascii: "@"), in: authority) {
            throw .badInput(at, "the URL has a user part; send an authorization header instead")
        }
        var host = authority
        var rest = authority.upperBound
        if let first = authority.first, text[first] == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]"), in: authority) else {
                throw .badInput(first, "the bracket around the IPv6 address is not closed")
            }
            host = (first + 1)..<close
            rest = close + 1
        } else {
            rest = text.firstIndex(of: ASCII.colon, in: authority) ?? rest
            host = authority.lowerBound..<rest
            for index in host where !isHostByte(text[index]) {
                throw .badInput(index, "the host has a character that host names do not have (IDN: use the xn-- form)")
            }
        }
        guard !host.isEmpty, text[host.lowerBound] != UInt8(ascii: ".") else {
            throw .badInput(authority.lowerBound, "the URL has no host")
        }
        guard host.count <= maxHost else { throw .badInput(host.lowerBound, "the host is longer than 255 bytes") }
        return (host, try Self.port(text, rest..<authority.upperBound, isTLS: isTLS))
    }

    /// `range` is empty or begins with the colon; a colon alone means the default (RFC 3986 section 3.2.3).
    private static func port(_ text: Bytes, _ range: Range<Int>, isTLS: Bool) throws(PluginError) -> UInt16 {
        guard range.count > 1 else {
            guard range.isEmpty || text[range.lowerBound] == ASCII.colon else {
                throw .badInput(range.lowerBound, "after the IPv6 address only a port may follow")
            }
            return isTLS ? 443 : 80
        }
        guard text[range.lowerBound] == ASCII.colon else {
            throw .badInput(range.lowerBound, "after the IPv6 address only a port may follow")
        }
        var value = 0
        for index in range.dropFirst() {
            guard ASCII.isDigit(text[index]), range.count <= 6 else {
                throw .badInput(index, "the port is not a number from 1 to 65535")
            }
            value = value * 10 + Int(text[index] & 0xF)
        }
        guard let port = UInt16(exactly: value), port > 0 else {
            throw .badInput(range.lowerBound + 1, "the port is not a number from 1 to 65535")
        }
        return port
    }

    /// The same URL in a text that begins with it.
    var atStart: Target {
        var moved = self
        let start = url.lowerBound
        moved.url = 0..<url.count
        moved.host = (host.lowerBound - start)..<(host.upperBound - start)
        moved.authority = (authority.lowerBound - start)..<(authority.upperBound - start)
        return moved
    }

    /// Whether both lead to the same host and port, names in any case.
    func hasSameOrigin(_ text: Bytes, as other: Target, in otherText: Bytes) -> Bool {
        guard port == other.port, host.count == other.host.count else { return false }
        return zip(text.part(host), otherText.part(other.host)).allSatisfy { ASCII.lower($0) == ASCII.lower($1) }
    }

    /// Whether a Host header names this authority, the default port written or not.
    func isNamed(by header: Bytes, in text: Bytes) -> Bool {
        let bracketed = text[authority.lowerBound] == UInt8(ascii: "[")
        let name = text.part(bracketed ? authority.lowerBound..<(host.upperBound + 1) : host)
        guard header.count >= name.count else { return false }
        for index in 0..<name.count where ASCII.lower(header[index]) != ASCII.lower(name[index]) { return false }
        let rest = header.part(name.count..<header.count)
        if rest.isEmpty { return port == (isTLS ? 443 : 80) }
        guard rest[0] == ASCII.colon, rest.count <= 6, rest.dropFirst().allSatisfy(ASCII.isDigit) else { return false }
        return rest.dropFirst().reduce(0) { $0 * 10 + Int($1 & 0xF) } == Int(port)
    }

    /// Appends the URL with bytes that RFC 3986 knows nowhere written percent-encoded, and a terminating zero.
    func append(_ text: Bytes, to buffer: inout ByteBuffer) -> Bool {
        for byte in text.part(url) {
            if Self.isURLByte(byte) {
                guard buffer.append(byte) else { return false }
            } else {
                let digits = StaticString("0123456789ABCDEF").utf8Start
                guard buffer.append(UInt8(ascii: "%")), buffer.append(digits[Int(byte >> 4)]),
                    buffer.append(digits[Int(byte & 15)])
                else { return false }
            }
        }
        return buffer.append(UInt8(0))
    }

    private static func isURLByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            return false
        default: return byte < 0x80
        }
    }
}
