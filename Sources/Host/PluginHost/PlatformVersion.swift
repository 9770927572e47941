internal import CVersion
internal import PluginABI

/// The version of this host.
public enum PlatformVersion {
    public static let text = String(cString: dandelion_version())
    /// Of the plugin ABI.
    public static let abi = "\(DN_ABI_MAJOR).\(DN_ABI_MINOR)"
}
