import PluginABI
import Glibc

/// A server that functions may name.
struct Server {
    /// As functions write it, "host:port".
    let name: String
    /// Without brackets.
    let host: String
    let port: UInt16
    let address: [UInt8]
    let family: Int32

    func isNamed(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        other.count == name.utf8.count && name.utf8.elementsEqual(other)
    }
}

/// The configuration of an instance, read once; the host has checked types and ranges against the schema.
final class Instance: Sendable {
    let servers: [Server]
    let connections: Int
    let maxInflight: Int
    let maxReply: Int
    /// ns, of a request without a deadline.
    let timeout: UInt64
    let connectTimeout: UInt64
    /// What a connection says first: HELLO 3 with the credentials, and SELECT.
    let greeting: [UInt8]
    let greetingReplies: Int
    let rules: [CommandName: Rule]
    let egress: Egress

    static let schema: StaticString = """
        {"type":"object","properties":{
        "servers":{"type":"array","items":{"type":"string"},"description":"servers that functions may name: host:port"},
        "username":{"type":"string","default":"default","description":"for AUTH"},
        "password":{"type":"string","description":"for AUTH; without it, none is done"},
        "database":{"type":"integer","minimum":0,"maximum":1000000,"default":0,"description":"for SELECT"},
        "extra_commands":{"type":"array","items":{"type":"string"},"description":"commands to allow besides those of data"},
        "connections":{"type":"integer","minimum":1,"maximum":64,"default":2,"description":"to each server from one core"},
        "max_inflight":{"type":"integer","minimum":1,"maximum":65536,"default":1024,"description":"requests at once on one core"},
        "max_reply_bytes":{"type":"integer","minimum":64,"maximum":1073741824,"default":16777216,"description":"largest reply"},
        "timeout_ms":{"type":"integer","minimum":1,"maximum":86400000,"default":1000,"description":"of a request that has no deadline"},
        "connect_timeout_ms":{"type":"integer","minimum":1,"maximum":60000,"default":500,"description":"of a connection and its greeting"}}}
        """

    init(_ host: UnsafePointer<dn_host>) throws(Refusal) {
        let config = try Configuration(host)
        var servers: [Server] = []
        for name in config.texts("servers") { servers.append(try Self.lookUp(name)) }
        guard !servers.isEmpty else {
            throw Refusal(DN_BAD_CONFIG, "'servers' lists the servers that functions may use: [\"host:port\"]")
        }
        self.servers = servers
        egress = Egress(host)
        connections = config.number("connections", 2)
        maxInflight = config.number("max_inflight", 1024)
        maxReply = config.number("max_reply_bytes", 16 << 20)
        timeout = UInt64(config.number("timeout_ms", 1000)) * 1_000_000
        connectTimeout = UInt64(config.number("connect_timeout_ms", 500)) * 1_000_000
        let extra = config.texts("extra_commands").map { $0.uppercased() }
        rules = Rules.table(extra)
        if let never = extra.first(where: { Rules.never.contains($0) }) {
            throw Refusal(DN_BAD_CONFIG, "extra_commands: \(never) changes or blocks a connection that requests share")
        }
        var hello = ["HELLO", "3"]
        if let password = config.text("password") {
            hello += ["AUTH", config.text("username") ?? "default", password]
        }
        let database = config.number("database", 0)
        greeting = RESP.command(hello) + (database == 0 ? [] : RESP.command(["SELECT", String(database)]))
        greetingReplies = database == 0 ? 1 : 2
    }

    /// Names are looked up here, once: a change of theirs needs a reload.
    private static func lookUp(_ name: String) throws(Refusal) -> Server {
        guard let colon = name.lastIndex(of: ":"), colon != name.startIndex,
            let port = UInt16(name[name.index(after: colon)...])
        else {
            throw Refusal(DN_BAD_CONFIG, "server '\(name)' is not host:port")
        }
        var host = String(name[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, String(name[name.index(after: colon)...]), &hints, &found)
        guard error == 0, let first = found else {
            throw Refusal(
                DN_BAD_CONFIG, "server '\(name)': \(gai_strerror(error).map { String(cString: $0) } ?? "unknown")")
        }
        defer { freeaddrinfo(found) }
        // SAFETY: getaddrinfo gives an address of that length.
        let address = Array(UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
        return Server(name: name, host: host, port: port, address: address, family: first.pointee.ai_family)
    }
}

/// dn.host.config/1.
struct Configuration {
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_config>

    init(_ host: UnsafePointer<dn_host>) throws(Refusal) {
        guard let table = host.pointee.get_interface?(host, DN_HOST_CONFIG_1) else {
            throw Refusal(DN_UNAVAILABLE, "the host offers no \(DN_HOST_CONFIG_1)")
        }
        self.host = host
        // SAFETY: the id names this type.
        self.table = table.assumingMemoryBound(to: dn_host_config.self)
    }

    func number(_ key: String, _ standard: Int) -> Int {
        var value: Int64 = 0
        return table.pointee.get_int?(host, key, &value) == DN_OK ? Int(value) : standard
    }

    func text(_ key: String) -> String? {
        var value = dn_bytes()
        guard table.pointee.get_string?(host, key, &value) == DN_OK else { return nil }
        // SAFETY: the host keeps the bytes until this instance stops.
        return String(decoding: UnsafeBufferPointer(start: value.data, count: Int(value.len)), as: UTF8.self)
    }

    func texts(_ key: String) -> [String] {
        var count: UInt64 = 0
        guard table.pointee.get_count?(host, key, &count) == DN_OK else { return [] }
        return (0..<count).compactMap { text("\(key).\($0)") }
    }
}
