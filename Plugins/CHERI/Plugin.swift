import CHERICore
public import PluginABI

/// The entry of the plugin; see plugin.h. The rest is a module of its own, which tests can link.
@c(dn_plugin_entry_v1)
public func pluginEntry(hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }
