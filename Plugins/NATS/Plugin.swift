internal import CNats
internal import CVersion
internal import Glibc
public import PluginABI
internal import PluginKit

/// The plugin's entry (plugin.h).
@c(dn_plugin_entry_v1)
public func dn_plugin_entry_v1(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.
// Not reloadable: libnats has threads and state of the process, which two copies of this file would take from one another.
private nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.nats", name: "NATS", version: dandelion_version(),
    description: "What a fleet of nodes agrees on, kept by NATS JetStream.", isReloadable: false,
    schema: Settings.table.schema,
    probe: { host, _, out, _ in
        probing(host, out) { services throws(PluginError) in
            _ = try Settings.read(services)
            return .available("libnats \(String(cString: nats_GetVersion()))")
        }
    },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_FLEET_1) == 0 ? UnsafeRawPointer(fleet) : nil })

private nonisolated(unsafe) let fleet = fleetTable()
