/// Where a node listens, from a URL.
struct NodeAddress: Equatable {
    var host: String
    var port: String

    /// Reads "http://HOST:PORT", "http://[ADDRESS]:PORT", the same without "http://", and a missing port as 8080; nil when
    /// `text` is something else.
    init?(_ text: String) {
        var rest = text[...]
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        if rest.last == "/" { rest.removeLast() }
        port = "8080"
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            port = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        if rest.first == "[" {
            guard rest.last == "]" else { return nil }
            rest = rest.dropFirst().dropLast()
        } else if rest.contains(":") {
            return nil
        }
        host = String(rest)
        let isPort = port.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt16(port).map { $0 > 0 } == true
        guard isPort, !host.isEmpty, host.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F && $0 != "/" })
        else { return nil }
    }

    /// HOST:PORT, as in the field Host.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
