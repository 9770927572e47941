import Glibc
import PluginABI
import PluginKit

/// The plugin's entry, its one exported symbol (dandelion/plugin.h).
@c(dn_plugin_entry_v1)
public func pluginEntry(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

/// What an operator can set. The host refuses a configuration that does not fit, with file, line and column, before it calls
/// start.
struct Settings: Sendable {
    /// Bytes of one request.
    var maxBytes = 1 << 20
    /// Nanoseconds between a request and its answer.
    var delay: UInt64 = 0

    static let table = SettingTable(
        Settings(),
        [
            .integer("max_bytes", \.maxBytes, 1...1 << 30, "largest request, bytes"),
            .integer(
                "delay_ms", \.delay, 0...60_000, unit: 1_000_000, "milliseconds between a request and its answer"),
        ])
}

// SAFETY of nonisolated(unsafe), here and below: written once by the initialiser, read-only afterwards.
nonisolated(unsafe) private let descriptor = pluginDescriptor(
    id: "org.example.__NAME__", name: "__NAME__", version: permanentText("0.1.0"), vendor: "example.org",
    description: "Answers each request with itself.", schema: Settings.table.schema,
    // An echo needs nothing of the machine; a real protocol would look for its library.
    probe: { host, _, out, _ in probing(host, out) { _ in .available("") } },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMM_1) == 0 ? UnsafeRawPointer(comm) : nil })

nonisolated(unsafe) private let comm = commTable()

/// A started plugin: all its state hangs from here or from its reactors, so that two of them can live side by side.
final class Instance: CommInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings

    init(host services: HostServices) throws(PluginError) {
        settings = try Settings.table.read(services)
        super.init(services)
    }

    nonisolated(unsafe) private static let spoken = commProtocol("echo", [("requests", "answers")])

    override var protocols: UnsafeBufferPointer<dn_comm_protocol> { Self.spoken }

    override func inspect(_ request: dn_comm_request) throws(PluginError) -> dn_request_info {
        _ = try check(request)
        var info = dn_request_info()
        info.idempotent = DN_IDEMPOTENT_YES
        writeText("echo", into: &info.target)
        return info
    }

    override func makeReactor(_ params: dn_reactor_params) throws(PluginError) -> CommReactor {
        try Reactor(self, maxInflight: params.max_inflight)
    }
}
