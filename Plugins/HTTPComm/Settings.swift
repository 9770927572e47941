internal import Glibc
internal import PluginABI
internal import PluginKit

/// The configuration of one instance.
struct Settings: Sendable {
    var schemes = ["http", "https"]
    var allowHosts: [String] = []
    var denyHosts: [String] = []
    var allowBlocks: [String] = []
    var denyBlocks: [String] = []
    /// Made of the texts above.
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

    static let table = SettingTable(
        Settings(),
        [
            .texts("schemes", \.schemes, choices: ["http", "https"], "URL schemes that functions may use"),
            .texts(
                "allow_hosts", \.allowHosts,
                "when not empty, only these hosts: a name, or *.name for every name below it"),
            .texts(
                "deny_hosts", \.denyHosts, "hosts that are refused, in the same notation; stronger than allow_hosts"),
            .texts(
                "allow_cidrs", \.allowBlocks,
                "address blocks that are allowed whatever they are, link-local and metadata included"),
            .texts(
                "deny_cidrs", \.denyBlocks,
                "address blocks that are refused; the smallest block of both lists decides, deny on a tie"),
            .boolean(
                "allow_loopback", \.policy.allowLoopback, "whether functions may reach services of this machine"),
            .boolean(
                "allow_private", \.policy.allowPrivate,
                "whether functions may reach private networks (10.0.0.0/8, fc00::/7 and so on)"),
            .text("ca_file", \.caFile, "PEM file of authorities that are trusted beside those of the system"),
            .text(
                "proxy", \.proxy, "proxy URL for all requests; none when empty, whatever the environment says"),
            .integer(
                "connect_timeout_ms", \.connectTimeoutMs, 1...600_000,
                "time for name, connection and TLS handshake of one hop, ms"),
            .integer(
                "timeout_ms", \.timeoutMs, 1...86_400_000,
                "time for a request that comes without a deadline of its own, ms"),
            .integer(
                "max_request_bytes", \.maxRequestBytes, 1...Int64(Int32.max),
                "largest request item; its first line and headers: 64 KiB"),
            .integer(
                "max_response_bytes", \.maxResponseBytes, 1...Int64(Int32.max),
                "largest status line, headers and body together, counted once for either signature"),
            .integer(
                "max_redirects", \.maxRedirects, 0...100,
                "redirects that are followed; 0 gives the redirect itself to the function"),
            .integer("max_inflight", \.maxInflight, 1...65_536, "requests at once on one core"),
            .integer(
                "max_connections_per_host", \.maxConnectionsPerHost, 0...65_536,
                "connections to one host and port from one core, 0 = as many as needed"),
            .integer(
                "max_idle_connections", \.maxIdleConnections, 0...65_536,
                "connections that one core keeps open for reuse"),
        ])

    /// - Throws: DN_BAD_CONFIG, which names the key.
    static func read(_ services: HostServices) throws(PluginError) -> Settings {
        var settings = try table.read(services)
        if let caFile = settings.caFile, access(caFile, R_OK) != 0 {
            throw .badConfig("ca_file", "\(caFile): \(String(cString: strerror(errno)))")
        }
        try settings.makePolicy()
        return settings
    }

    private mutating func makePolicy() throws(PluginError) {
        policy.allowHTTP = schemes.contains("http")
        policy.allowHTTPS = schemes.contains("https")
        policy.setHosts(
            allow: try Self.hosts("allow_hosts", allowHosts), deny: try Self.hosts("deny_hosts", denyHosts))
        policy.setBlocks(
            allow: try Self.blocks("allow_cidrs", allowBlocks), deny: try Self.blocks("deny_cidrs", denyBlocks))
    }

    private static func hosts(_ key: String, _ texts: [String]) throws(PluginError) -> [HostPattern] {
        try texts.map { text throws(PluginError) in
            guard let pattern = HostPattern(text) else {
                throw .badConfig(key, "\(text) is neither a host name nor *. and a host name")
            }
            return pattern
        }
    }

    private static func blocks(_ key: String, _ texts: [String]) throws(PluginError) -> [CIDR] {
        try texts.map { text throws(PluginError) in
            guard let block = CIDR(text) else {
                throw .badConfig(key, "\(text) is no address block such as 10.0.0.0/8 (bits behind the prefix are 0)")
            }
            return block
        }
    }
}
