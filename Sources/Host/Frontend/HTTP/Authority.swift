internal import Glibc

/// The host and port that a request is for: the field Host, `:authority`, or a part of the target (RFC 9110, 7.2).
enum Authority {
    /// Whether `text` is `uri-host [":" port]` (RFC 3986, 3.2.2), or empty. A comma, which that grammar allows, is refused: it
    /// is what several Host fields become when somebody joins them.
    static func isValid(_ text: Bytes) -> Bool {
        if text.count == 0 { return true }
        let host = host(of: text)
        guard host.count > 0 else { return false }
        if host.count < text.count {
            let port = text.part(host.count + 1..<text.count)
            guard text[host.count] == ASCII.colon, port.count == 0 || port.decimal.map({ $0 <= 65_535 }) == true else {
                return false
            }
        }
        return host[0] == UInt8(ascii: "[") ? isLiteral(host) : isName(host)
    }

    /// Without the port; an IPv6 address with its brackets.
    static func host(of text: Bytes) -> Bytes {
        if text.first == UInt8(ascii: "["), let end = text.firstIndex(of: UInt8(ascii: "]"), from: 0) {
            return text.part(0..<end + 1)
        }
        return text.part(0..<(text.firstIndex(of: ASCII.colon, from: 0) ?? text.count))
    }

    /// Whether a host is an address or this machine's own name: one that nobody else can point to another machine.
    static func isAddress(_ host: Bytes) -> Bool {
        if host.first == UInt8(ascii: "[") || host.equalsIgnoringCase("localhost") { return true }
        var address = in_addr()
        return inet_pton(AF_INET, host.text, &address) == 1
    }

    /// reg-name, of which an IPv4 address is one.
    private static func isName(_ host: Bytes) -> Bool {
        var index = 0
        while index < host.count {
            let byte = host[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < host.count, ASCII.hexValue(host[index + 1]) != nil,
                    ASCII.hexValue(host[index + 2]) != nil
                else { return false }
                index += 2
            } else if !isUnreservedOrDelimiter(byte) || byte == ASCII.comma {
                return false
            }
            index += 1
        }
        return true
    }

    /// `[` IPv6address or IPvFuture `]`
    private static func isLiteral(_ host: Bytes) -> Bool {
        guard host.count > 2, host[host.count - 1] == UInt8(ascii: "]") else { return false }
        let inner = host.part(1..<host.count - 1)
        guard ASCII.lower(inner[0]) == UInt8(ascii: "v") else {
            var address = in6_addr()
            // A scope ("%eth0") is no part of the grammar.
            return inner.allSatisfy { ASCII.hexValue($0) != nil || $0 == ASCII.colon || $0 == UInt8(ascii: ".") }
                && inet_pton(AF_INET6, inner.text, &address) == 1
        }
        guard let dot = inner.firstIndex(of: UInt8(ascii: "."), from: 0), dot > 1, dot + 1 < inner.count else {
            return false
        }
        return inner.part(1..<dot).allSatisfy { ASCII.hexValue($0) != nil }
            && inner.part(dot + 1..<inner.count).allSatisfy { isUnreservedOrDelimiter($0) || $0 == ASCII.colon }
    }

    /// unreserved and sub-delims of RFC 3986, 2.2 and 2.3.
    private static func isUnreservedOrDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"),
            UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), ASCII.comma, ASCII.semicolon, ASCII.equals:
            true
        default: false
        }
    }
}
