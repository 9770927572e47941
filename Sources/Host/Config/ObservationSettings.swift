internal import Values

/// The table `[access_log]`: a line for each request.
public struct AccessLogSettings: Sendable, Equatable {
    public enum Format: String, Sendable, CaseIterable {
        /// An object of JSON.
        case json
        /// The combined format of web servers, then the request's id and its time.
        case text
    }

    /// Nil: no such log.
    public var path: String?
    public var format: Format

    public init(path: String? = nil, format: Format = .json) {
        self.path = path
        self.format = format
    }
}

/// How lines of the node's log are written.
public enum LogLines: String, Sendable, CaseIterable {
    case text, json
}

extension Decode {
    func accessLogSettings(_ table: TableReader) -> AccessLogSettings {
        let settings = AccessLogSettings(
            path: nonEmpty(table, "path"), format: table.choice("format", default: .json))
        table.finish()
        return settings
    }
}

/// The table `[traces]`.
public struct TraceSettings: Sendable {
    /// Nil: traces are passed on, but not recorded.
    public var collector: Collector?
    /// What part of the requests without a parent is traced, 0 to 1.
    public var rate: Double
    /// Whether a request's parent says if it is traced.
    public var followsParents: Bool
    /// Nanoseconds between two batches.
    public var interval: UInt64
    /// The node's name there.
    public var service: String

    public init(
        collector: Collector? = nil, rate: Double = 0.01, followsParents: Bool = true,
        interval: UInt64 = 2_000_000_000, service: String = "dandelion"
    ) {
        self.collector = collector
        self.rate = rate
        self.followsParents = followsParents
        self.interval = interval
        self.service = service
    }
}

/// Where spans are sent to.
public struct Collector: Sendable {
    public var isSecure: Bool
    /// A name or an address; IPv6 without brackets.
    public var host: String
    public var port: String
    public var path: String
    /// PEM file of the authorities that are believed; nil = those of the system.
    public var authorities: String?
    /// Fields that every request has.
    public var fields: [(name: String, value: String)] = []

    /// Reads "http://HOST[:PORT][/PATH]" and the same with https; without a port that of OTLP/HTTP, without a path that for traces.
    public init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !text.contains(where: "?#@".contains) else {
            return nil
        }
        let lower = text.lowercased()
        isSecure = lower.hasPrefix("https://")
        guard isSecure || lower.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(isSecure ? "https://".count : "http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let (authority, path) = (String(rest[..<slash]), String(rest[slash...]))
        guard let place = ListenAddress(authority) ?? ListenAddress(authority + ":4318"), place.port != 0 else {
            return nil
        }
        host = place.host
        port = String(place.port)
        self.path = path.isEmpty || path == "/" ? "/v1/traces" : path
    }

    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Decode {
    func traceSettings(_ table: TableReader) -> TraceSettings {
        let endpoint = table.string("endpoint")
        var collector = endpoint.flatMap { Collector($0.value) }
        if collector == nil, let endpoint {
            log.add(
                endpoint.place,
                "'\(table.name("endpoint"))' must be a URL such as \"http://127.0.0.1:4318/v1/traces\", not '\(endpoint.value)'"
            )
        }
        collector?.authorities = nonEmpty(table, "authorities")
        collector?.fields = fields(table)
        let standard = TraceSettings()
        let settings = TraceSettings(
            collector: collector, rate: table.number("rate", in: 0...1, default: standard.rate),
            followsParents: table.boolean("follow_parents", default: standard.followsParents),
            interval: table.time("interval", in: 100_000_000...60_000_000_000, default: standard.interval),
            service: nonEmpty(table, "service") ?? standard.service)
        table.finish()
        return settings
    }

    /// `headers`: names and values of header fields.
    private func fields(_ table: TableReader) -> [(name: String, value: String)] {
        guard let value = table.entry("headers")?.value else { return [] }
        guard case .table(let entries) = value.kind else {
            log.add(value.place, "'\(table.name("headers"))' must be a table of texts, not \(value.kindName)")
            return []
        }
        return entries.compactMap { entry in
            let isName =
                !entry.key.isEmpty
                && entry.key.utf8.allSatisfy { byte in
                    byte > 0x20 && byte < 0x7f && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
                }
            guard isName, let text = entry.value.text, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                log.add(
                    entry.keyPlace, "'\(table.name("headers"))' must hold names of header fields and texts of one line")
                return nil
            }
            return (entry.key, text)
        }
    }
}
