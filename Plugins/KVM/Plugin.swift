import CVersion
import Glibc
public import PluginABI
import PluginKit

/// The entry of the plugin; see plugin.h.
@c(dn_plugin_entry_v1)
public func pluginEntry(hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
private nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.kvm", name: "KVM", version: dandelion_version(),
    description: "Runs functions in a virtual machine without a guest kernel, through /dev/kvm.",
    schema: Settings.table.schema, probe: { host, _, out, _ in probing(host, out) { _ in Instance.probe() } },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMPUTE_1) == 0 ? UnsafeRawPointer(compute) : nil })

private nonisolated(unsafe) let compute = computeTable([.snapshots, .restores, .mapsFiles])
