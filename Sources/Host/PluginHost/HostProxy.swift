package import PluginABI

/// Stands between a plugin and the host's services: the conformance kit judges so how they are used.
///
/// One proxy serves one instance or one probe. `begin`, `started` and `ended` are called by the control thread.
package protocol HostProxy: Sendable {
    /// What the plugin is given in place of `host`, which is valid as long as `owner` lives.
    func begin(_ host: UnsafePointer<dn_host>, owner: any Sendable & AnyObject) -> UnsafePointer<dn_host>
    /// `start` gave an instance.
    func started()
    /// `stop` is about to be called.
    func stopping()
    /// The probe or `stop` has returned, or `start` gave no instance.
    func ended()
}
