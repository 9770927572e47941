import CVersion
import Glibc
public import PluginABI
import PluginKit

/// The entry of the plugin; see plugin.h.
@c(dn_plugin_entry_v1)
public func pluginEntry(hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
private nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.process", name: "Process", version: dandelion_version(),
    description: "A process for every invocation, new or as new, without system calls", schema: Settings.table.schema,
    probe: { host, _, out, _ in
        probing(host, out) { services throws(PluginError) in try Instance.probe(services) }
    },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(compute) : nil })

private nonisolated(unsafe) let compute = computeTable([.settles, .snapshots, .restores, .mapsFiles])
