internal import Failure
internal import Values

extension Decode {
    /// `[[listeners]]`, or the one that `[node] listen` stands for.
    func listeners(_ node: TableReader) -> [ListenerSettings] {
        let listen = node.string("listen")
        let isInsecure = node.boolean("insecure", default: false)
        let tables = root.tableList("listeners")
        guard tables.isEmpty else {
            if let listen { log.add(listen.place, "'node.listen' and [[listeners]] cannot both be given") }
            var decoded: [ListenerSettings] = []
            for table in tables {
                guard let one = listener(table) else { continue }
                if decoded.contains(where: { $0.place == one.place }) {
                    log.add(table.place, "there is another listener at '\(one.place)'")
                }
                decoded.append(one)
            }
            return decoded
        }
        let address = ListenAddress(listen?.value ?? "127.0.0.1:8080")
        if address == nil, let listen {
            log.add(
                listen.place, "'node.listen' must be ADDRESS:PORT such as \"127.0.0.1:8080\", not '\(listen.value)'")
        }
        let only = ListenerSettings(
            .address(address ?? ListenAddress(host: "127.0.0.1", port: 0)), isInsecure: isInsecure)
        refuseExposed(only, at: listen?.place, "'node.insecure'")
        return [only]
    }

    private func listener(_ table: TableReader) -> ListenerSettings? {
        let address = table.required("address")
        let place = address.flatMap { ListenPlace($0.value) }
        if place == nil, let address {
            log.add(
                address.place,
                "'\(table.name("address"))' must be ADDRESS:PORT, \"unix:PATH\", \"inherited\" or \"inherited:NAME\", not "
                    + "'\(address.value)'")
        }
        let settings = ListenerSettings(
            place ?? .inherited(nil), serves: served(table), tls: tls(table),
            authenticates: table.boolean("authenticate", default: false),
            isInsecure: table.boolean("insecure", default: false))
        table.finish()
        guard place != nil else { return nil }
        refuseExposed(settings, at: address?.place, "'\(table.name("insecure"))'")
        return settings
    }

    private func refuseExposed(_ listener: ListenerSettings, at place: Place?, _ key: String) {
        guard let isLocal = listener.place.isLocal, let reason = listener.exposure(isLocal: isLocal) else { return }
        log.add(place, "\(reason); if that is what you want, say \(key) = true")
    }

    private func served(_ table: TableReader) -> ServedParts {
        guard let value = table.entry("serves")?.value else { return .all }
        let wanted = "\"all\", or a list of \"invoke\", \"register\" and \"watch\""
        var parts: ServedParts = []
        let elements = value.text == nil ? value.elements : [value]
        for element in elements {
            if let part = ServedParts.names.first(where: { $0.key == element.text })?.value {
                parts.formUnion(part)
            } else {
                log.add(element.place, "'\(table.name("serves"))' must be \(wanted)")
            }
        }
        if elements.isEmpty { log.add(value.place, "'\(table.name("serves"))' must be \(wanted)") }
        return parts
    }

    private func tls(_ listener: TableReader) -> TLSSettings? {
        guard listener.entry("tls") != nil else { return nil }
        let table = listener.table("tls")
        let certificate = table.required("certificate")
        let key = table.required("key")
        let authorities = table.string("client_authorities")
        let clients: ClientCertificates = table.choice(
            "clients", default: authorities == nil ? .none : .required)
        for path in [certificate, key, authorities] where path?.value.isEmpty == true {
            log.add(path?.place, "a file's path in [\(listener.name("tls"))] is empty")
        }
        if (clients == .none) != (authorities == nil) {
            log.add(
                authorities?.place ?? table.place,
                "'\(table.name("clients"))' and '\(table.name("client_authorities"))' belong together")
        }
        table.finish()
        guard let certificate, let key else { return nil }
        return TLSSettings(
            certificate: certificate.value, key: key.value, clientAuthorities: authorities?.value, clients: clients)
    }
}
