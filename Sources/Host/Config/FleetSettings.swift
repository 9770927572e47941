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
    /// Queues of the engine whose messages are invocations.
    public var queues: [FleetQueueSettings]

    /// What messages call the communication function of `transport`.
    public static let function = "fleet"
}

/// A table `[fleet.queues.NAME]`: each message of the engine's queue is the input of an invocation that the fleet keeps.
public struct FleetQueueSettings: Sendable {
    /// Of the queue.
    public var name: String
    /// What is invoked: a function or composition.
    public var invoke: String
    /// On whose behalf, among whose names; nil = of those who name none.
    public var tenant: String?

    public init(name: String, invoke: String, tenant: String? = nil) {
        self.name = name
        self.invoke = invoke
        self.tenant = tenant
    }
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
        let queues = table.tables("queues").compactMap(queue)
        table.finish()
        guard let plugin, let transport else { return nil }
        return FleetSettings(
            plugin: plugin, transport: transport, address: address?.value, tokenFile: token?.value, queues: queues)
    }

    private func queue(_ name: Located<String>, _ table: TableReader) -> FleetQueueSettings? {
        let invoke = table.required("invoke")
        let tenant = table.string("tenant")
        table.finish()
        let isName = name.value.utf8.allSatisfy { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber) || "_-".contains(character)
        }
        guard isName, (1...64).contains(name.value.utf8.count), !name.value.hasPrefix("durable-") else {
            log.add(
                name.place,
                "a queue is named by 1 to 64 letters, digits, '_' and '-', and not durable-..., not '\(name.value)'")
            return nil
        }
        return invoke.map { FleetQueueSettings(name: name.value, invoke: $0.value, tenant: tenant?.value) }
    }

    private static func isBase(_ text: String) -> Bool {
        for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
            return ListenAddress(String(text.dropFirst(scheme.count))).map { $0.port != 0 } ?? false
        }
        return false
    }
}
