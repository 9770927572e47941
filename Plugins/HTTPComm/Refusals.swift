internal import PluginABI
internal import PluginKit

/// Why something is refused, before anything is sent.
extension PluginError {
    /// - Parameter offset: in the request item, bytes.
    static func badInput(_ offset: Int, _ message: String) -> PluginError {
        PluginError(DN_BAD_INPUT, message, at: UInt64(offset))
    }

    static func denied(_ message: String) -> PluginError { PluginError(DN_PERMISSION, message) }
}
