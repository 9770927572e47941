import CVersion
public import PluginABI
import PluginKit

/// The entry of the plugin; see plugin.h.
@c(dn_plugin_entry_v1)
public func pluginEntry(hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.
private nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.rwasm", name: "RWasm", version: dandelion_version(),
    description: "Runs WebAssembly modules as native code that was compiled from safe Rust.",
    schema: Settings.table.schema,
    probe: { host, _, out, _ in
        probing(host, out) { services throws(PluginError) in try Instance.probe(services) }
    },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { id in
        switch String(cString: id) {
        case DN_COMPUTE_1: UnsafeRawPointer(compute)
        case DN_TRANSLATE_1: UnsafeRawPointer(translate)
        default: nil
        }
    })

private nonisolated(unsafe) let compute = computeTable()

private nonisolated(unsafe) let translate = {
    var table = dn_translate(
        struct_size: UInt32(MemoryLayout<dn_translate>.size), padding: 0,
        translate: { instance, params, err in
            answering(err) { () throws(PluginError) in
                // SAFETY: what `start` made.
                let instance = unsafeDowncast(Handle<PluginInstance>.borrow(instance), to: Instance.self)
                try instance.translate(readIn(params))
            }
        })
    return permanent(&table, size: MemoryLayout<dn_translate>.size)
}()
