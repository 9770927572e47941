internal import Glibc
internal import PluginABI

/// The configuration of one instance. Keys and defaults are those of `Settings.schema`.
struct Settings {
    var policy = EgressPolicy()
    var caFile: String?
    var proxy = ""
    var connectTimeoutMs = 10_000
    var timeoutMs = 60_000
    var maxRequestBytes = 64 << 20
    var maxResponseBytes = 64 << 20
    var maxRedirects = 10
    var maxInflight = 1024
    var maxConnectionsPerHost = 0
    var maxIdleConnections = 256

    static let schema: StaticString = """
        {"type": "object", "properties": {
        "schemes": {"type": "array", "description": "URL schemes that functions may use.",
          "items": {"type": "string", "enum": ["http", "https"]}, "default": ["http", "https"]},
        "allow_hosts": {"type": "array", "items": {"type": "string"}, "default": [],
          "description": "When not empty, only these hosts: a name, or *.name for every name below it."},
        "deny_hosts": {"type": "array", "items": {"type": "string"}, "default": [],
          "description": "Hosts that are refused, in the same notation; stronger than allow_hosts."},
        "allow_cidrs": {"type": "array", "items": {"type": "string"}, "default": [],
          "description": "Address blocks that are allowed whatever they are, link-local and metadata included."},
        "deny_cidrs": {"type": "array", "items": {"type": "string"}, "default": [],
          "description": "Address blocks that are refused; the smallest block of both lists decides, deny on a tie."},
        "allow_loopback": {"type": "boolean", "default": false,
          "description": "Whether functions may reach services of this machine."},
        "allow_private": {"type": "boolean", "default": false,
          "description": "Whether functions may reach private networks (10.0.0.0/8, fc00::/7 and so on)."},
        "ca_file": {"type": "string",
          "description": "PEM file of authorities that are trusted beside those of the system."},
        "proxy": {"type": "string", "default": "",
          "description": "Proxy URL for all requests; none when empty, whatever the environment says."},
        "connect_timeout_ms": {"type": "integer", "minimum": 1, "maximum": 600000, "default": 10000,
          "description": "Time for name, connection and TLS handshake of one hop."},
        "timeout_ms": {"type": "integer", "minimum": 1, "maximum": 86400000, "default": 60000,
          "description": "Time for a request that comes without a deadline of its own."},
        "max_request_bytes": {"type": "integer", "minimum": 1, "maximum": 2147483647, "default": 67108864,
          "description": "Largest request item."},
        "max_response_bytes": {"type": "integer", "minimum": 1, "maximum": 2147483647, "default": 67108864,
          "description": "Largest status line, headers and body together."},
        "max_redirects": {"type": "integer", "minimum": 0, "maximum": 100, "default": 10,
          "description": "Redirects that are followed; 0 gives the redirect itself to the function."},
        "max_inflight": {"type": "integer", "minimum": 1, "maximum": 65536, "default": 1024,
          "description": "Requests at once on one core."},
        "max_connections_per_host": {"type": "integer", "minimum": 0, "maximum": 65536, "default": 0,
          "description": "Connections to one host and port from one core, 0 = as many as needed."},
        "max_idle_connections": {"type": "integer", "minimum": 0, "maximum": 65536, "default": 256,
          "description": "Connections that one core keeps open for reuse."}}}
        """

    init(_ host: UnsafePointer<dn_host>) throws(Refusal) {
        guard let table = host.pointee.get_interface?(host, DN_HOST_CONFIG_1) else {
            throw Refusal(status: DN_UNSUPPORTED, offset: nil, message: "the host offers no \(DN_HOST_CONFIG_1)")
        }
        // SAFETY: the id fixes the table's type, and every field read here is of version 1.0.
        let config = ConfigReader(host: host, table: table.assumingMemoryBound(to: dn_host_config.self))
        try readPolicy(config)
        caFile = try config.string("ca_file")
        if let caFile, access(caFile, R_OK) != 0 {
            throw .badConfig("ca_file", "\(caFile): \(String(cString: strerror(errno)))")
        }
        proxy = try config.string("proxy") ?? proxy
        connectTimeoutMs = try config.integer("connect_timeout_ms", 1...600_000) ?? connectTimeoutMs
        timeoutMs = try config.integer("timeout_ms", 1...86_400_000) ?? timeoutMs
        maxRequestBytes = try config.integer("max_request_bytes", 1...Int(Int32.max)) ?? maxRequestBytes
        maxResponseBytes = try config.integer("max_response_bytes", 1...Int(Int32.max)) ?? maxResponseBytes
        maxRedirects = try config.integer("max_redirects", 0...100) ?? maxRedirects
        maxInflight = try config.integer("max_inflight", 1...65_536) ?? maxInflight
        maxConnectionsPerHost = try config.integer("max_connections_per_host", 0...65_536) ?? maxConnectionsPerHost
        maxIdleConnections = try config.integer("max_idle_connections", 0...65_536) ?? maxIdleConnections
    }

    private mutating func readPolicy(_ config: ConfigReader) throws(Refusal) {
        if let schemes = try config.strings("schemes") {
            if let unknown = schemes.first(where: { $0 != "http" && $0 != "https" }) {
                throw .badConfig("schemes", "\(unknown) is neither http nor https")
            }
            policy.allowHTTP = schemes.contains("http")
            policy.allowHTTPS = schemes.contains("https")
        }
        policy.allowLoopback = try config.boolean("allow_loopback") ?? false
        policy.allowPrivate = try config.boolean("allow_private") ?? false
        policy.setHosts(allow: try config.hosts("allow_hosts"), deny: try config.hosts("deny_hosts"))
        policy.setBlocks(allow: try config.blocks("allow_cidrs"), deny: try config.blocks("deny_cidrs"))
    }
}

extension Refusal {
    static func badConfig(_ key: String, _ message: String) -> Refusal {
        Refusal(status: DN_BAD_CONFIG, offset: nil, message: "\(key): \(message)")
    }
}

/// Typed reading through dn.host.config/1; every function gives `nil` for a key that is absent.
private struct ConfigReader {
    let host: UnsafePointer<dn_host>
    let table: UnsafePointer<dn_host_config>

    private func check(_ status: dn_status?, _ key: String, _ type: String) throws(Refusal) -> Bool {
        if status == DN_OK { return true }
        if status == DN_INVALID { return false }
        throw .badConfig(key, "must be \(type)")
    }

    func string(_ key: String) throws(Refusal) -> String? {
        var value = dn_bytes()
        guard try check(table.pointee.get_string?(host, key, &value), key, "a string") else { return nil }
        return Text.string(Bytes(start: value.data, count: Int(value.len)))
    }

    func integer(_ key: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int? {
        var value: Int64 = 0
        guard try check(table.pointee.get_int?(host, key, &value), key, "an integer") else { return nil }
        guard range.contains(Int(value)) else {
            throw .badConfig(key, "\(value) is not from \(range.lowerBound) to \(range.upperBound)")
        }
        return Int(value)
    }

    func boolean(_ key: String) throws(Refusal) -> Bool? {
        var value: Int32 = 0
        return try check(table.pointee.get_bool?(host, key, &value), key, "true or false") ? value != 0 : nil
    }

    func strings(_ key: String) throws(Refusal) -> [String]? {
        var count: UInt64 = 0
        guard try check(table.pointee.get_count?(host, key, &count), key, "an array of strings") else { return nil }
        var all: [String] = []
        for index in 0..<count {
            guard let text = try string("\(key).\(index)") else { throw .badConfig(key, "must be an array of strings") }
            all.append(text)
        }
        return all
    }

    func hosts(_ key: String) throws(Refusal) -> [HostPattern] {
        try (strings(key) ?? []).map { text throws(Refusal) in
            guard let pattern = HostPattern(text) else {
                throw .badConfig(key, "\(text) is neither a host name nor *. and a host name")
            }
            return pattern
        }
    }

    func blocks(_ key: String) throws(Refusal) -> [CIDR] {
        try (strings(key) ?? []).map { text throws(Refusal) in
            guard let block = CIDR(text) else {
                throw .badConfig(key, "\(text) is no address block such as 10.0.0.0/8 (bits behind the prefix are 0)")
            }
            return block
        }
    }
}
