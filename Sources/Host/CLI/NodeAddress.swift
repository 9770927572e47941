/// Where a node listens, from a URL.
struct NodeAddress: Equatable {
    var host: String
    var port: String
    /// The connection is one of TLS.
    var isSecure = false
    /// Of a socket, in place of host and port.
    var path: String?

    /// Reads "http://HOST:PORT", "http://[ADDRESS]:PORT", the same without "http://" or with "https://", and "unix:PATH". A
    /// missing port is 8080, and 443 of https. Nil when `text` is something else.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            (host, port, path) = ("localhost", "", String(text.dropFirst("unix:".count)))
            if path?.isEmpty == true { return nil }
            return
        }
        var rest = text[...]
        if let scheme = rest.firstRange(of: "://") {
            switch rest[..<scheme.lowerBound].lowercased() {
            case "http": break
            case "https": isSecure = true
            default: return nil
            }
            rest = rest[scheme.upperBound...]
        }
        if rest.last == "/" { rest.removeLast() }
        port = isSecure ? "443" : "8080"
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
    var authority: String {
        if path != nil { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// For messages.
    var place: String { path.map { "unix:\($0)" } ?? authority }
}
