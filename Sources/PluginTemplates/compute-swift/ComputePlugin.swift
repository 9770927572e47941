import Glibc
import PluginABI
import PluginKit

/// The plugin's entry, its one exported symbol (dandelion/plugin.h).
@c(dn_plugin_entry_v1)
public func pluginEntry(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

/// What an operator can set. The host refuses a configuration that does not fit, with file, line and column, before it calls
/// start.
struct Settings: Sendable {
    /// Most memory of one function, bytes.
    var contextMax: UInt64 = 1 << 30

    static let table = SettingTable(
        Settings(),
        [
            .integer(
                "context_max_mib", \.contextMax, 1...1_048_576, unit: 1 << 20, "most memory of one function, MiB")
        ])
}

// SAFETY of nonisolated(unsafe), here and below: written once by the initialiser, read-only afterwards.
nonisolated(unsafe) private let descriptor = pluginDescriptor(
    id: "org.example.__NAME__", name: "__NAME__", version: permanentText("0.1.0"), vendor: "example.org",
    description: "Interprets images of a small text format in the node's own memory.", schema: Settings.table.schema,
    // An interpreter runs anywhere, but the operator should know what it is.
    probe: { host, _, out, _ in probing(host, out) { _ in .available(Instance.advice) } },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(compute) : nil })

nonisolated(unsafe) private let compute = computeTable()

/// A started plugin: all state hangs from here, so that two of them can live side by side.
final class Instance: ComputeInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings

    static let advice = "an example: functions are interpreted in the node's own process, without hardware isolation"

    init(host services: HostServices) throws(PluginError) {
        settings = try Settings.table.read(services)
        super.init(services)
    }

    nonisolated(unsafe) private static let formats = permanentText("tiny")

    override var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_SOFTWARE
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS
        caps.image_formats = Self.formats
        caps.context_max = settings.contextMax
        caps.interrupt_latency = 1_000_000
        return caps
    }

    override func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage { try Image(params.file) }

    override func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine { Engine(settings) }
}
