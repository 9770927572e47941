internal import Failure
internal import Values

/// The table `[fleet]`: this node as one of several.
public struct FleetSettings: Sendable {
    /// Name of a table in `[plugins]`: the plugin that speaks to the fleet's engine.
    public var plugin: Located<String>
    /// Name of a table in `[plugins]`: the plugin by which nodes reach one another.
    public var transport: Located<String>
    /// `http://HOST:PORT` or `https://`, by which the others reach this node; nil = of the first listener.
    public var address: String?
    /// File whose first line is the token that this node shows to the others; nil = none.
    public var tokenFile: String?

    /// What messages call the communication function of `transport`.
    public static let function = "fleet"
}

extension Decode {
    /// Nil where the table is absent.
    func fleet() -> FleetSettings? {
        guard root.entry("fleet") != nil else { return nil }
        let table = root.table("fleet")
        let plugin = table.required("plugin")
        let transport = table.required("transport")
        let address = table.string("address")
        if let address, !Self.isBase(address.value) {
            log.add(
                address.place,
                "'\(table.name("address"))' must be http://HOST:PORT or https://HOST:PORT, not '\(address.value)'")
        }
        let token = table.string("token_file")
        if let token, token.value.isEmpty { log.add(token.place, "'\(table.name("token_file"))' is empty") }
        table.finish()
        guard let plugin, let transport else { return nil }
        return FleetSettings(
            plugin: plugin, transport: transport, address: address?.value, tokenFile: token?.value)
    }

    private static func isBase(_ text: String) -> Bool {
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            return ListenAddress(String(text.dropFirst(scheme.count))).map { $0.port != 0 } ?? false
        }
        return false
    }
}
