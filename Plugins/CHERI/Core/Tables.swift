import CVersion
import Glibc
public import PluginABI
import PluginKit

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.

/// The plugin's descriptor (plugin.h).
public nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.cheri", name: "CHERI", version: dandelion_version(),
    description: "Runs functions in the node's own process, bounded by an Arm Morello CPU's capabilities.",
    isReloadable: false, schema: Settings.table.schema,
    probe: { host, _, out, _ in probing(host, out) { _ in Instance.probe() } },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(compute) : nil })

private nonisolated(unsafe) let compute = computeTable()
