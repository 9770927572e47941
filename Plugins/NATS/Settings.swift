internal import Glibc
internal import PluginABI
internal import PluginKit

/// The configuration of one instance.
struct Settings: Sendable {
    var servers = ["nats://127.0.0.1:4222"]
    /// Begins the names of streams and subjects: one for each fleet.
    var fleet = "dandelion"
    var replicas = 1
    var leaseMs: Int64 = 5_000
    var ackWaitMs: Int64 = 10_000
    var duplicatesMs: Int64 = 120_000
    var connectTimeoutMs: Int64 = 2_000
    var credentialsFile: String?
    var tokenFile: String?
    var caFile: String?
    var certificateFile: String?
    var keyFile: String?

    static let table = SettingTable(
        Settings(),
        [
            .texts("servers", \.servers, "URLs, nats:// or tls://; any one will do, and others are found"),
            .text("fleet", \.fleet, "name of the fleet: nodes that give the same share one registry"),
            .integer("replicas", \.replicas, 1...5, "servers that keep each value; 3 survives the loss of one"),
            .integer("lease_ms", \.leaseMs, 500...600_000, "time after which a node that says nothing is gone, ms"),
            .integer(
                "ack_wait_ms", \.ackWaitMs, 100...86_400_000,
                "time after which a message that was given is given to another node, ms"),
            .integer(
                "duplicates_ms", \.duplicatesMs, 1_000...86_400_000,
                "time in which a message of the same id is dropped, ms"),
            .integer("connect_timeout_ms", \.connectTimeoutMs, 100...60_000, "time for a connection to one server, ms"),
            .text("credentials_file", \.credentialsFile, "file of a user's JWT and seed (nsc); none when absent"),
            .text("token_file", \.tokenFile, "file whose first line is the servers' token; none when absent"),
            .text("ca_file", \.caFile, "PEM file of the authorities that tls:// servers must be certified by"),
            .text("certificate_file", \.certificateFile, "PEM file of this node's certificate, for servers that ask"),
            .text("key_file", \.keyFile, "PEM file of the key of certificate_file"),
        ])

    /// - Throws: DN_BAD_CONFIG, which names the key.
    static func read(_ services: HostServices) throws(PluginError) -> Settings {
        let settings = try table.read(services)
        guard !settings.servers.isEmpty else { throw .badConfig("servers", "names no server") }
        for server in settings.servers where !["nats://", "tls://"].contains(where: server.hasPrefix) {
            throw .badConfig("servers", "'\(server)' begins with neither nats:// nor tls://")
        }
        let isName = settings.fleet.utf8.allSatisfy { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber) || "_-".contains(character)
        }
        guard isName, (1...48).contains(settings.fleet.utf8.count) else {
            throw .badConfig("fleet", "must be 1 to 48 letters, digits, '_' and '-'")
        }
        guard (settings.certificateFile == nil) == (settings.keyFile == nil) else {
            throw .badConfig("certificate_file", "goes with key_file, and the other way round")
        }
        let files = [
            ("credentials_file", settings.credentialsFile), ("token_file", settings.tokenFile),
            ("ca_file", settings.caFile), ("certificate_file", settings.certificateFile),
            ("key_file", settings.keyFile),
        ]
        for case (let key, let file?) in files where access(file, R_OK) != 0 {
            throw .badConfig(key, "\(file): \(String(cString: strerror(errno)))")
        }
        return settings
    }

    /// Of the stream that keeps a space.
    func bucket(_ space: FleetSpace) -> String { space == .lasting ? fleet : "\(fleet)-leased" }
    var queueStream: String { "\(fleet)-queue" }
    func queueSubject(_ name: String) -> String { "\(fleet)-queue.\(name)" }
}
