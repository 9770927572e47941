internal import Config
internal import Failure
internal import Identity
internal import PluginHost
internal import Telemetry

/// Takes what the config and the state folder say about outgoing requests to where plugins ask.
final class SecretDesk {
    private let folder: SecretFolder
    private let keyFile: String
    private var known: [Secret] = []

    /// A secret that was set or removed.
    struct Change {
        let secret: Secret
        let isSet: Bool
    }

    init(_ config: NodeConfig) throws(Failure) {
        folder = try SecretFolder(state: config.node.state)
        keyFile = config.node.secretsKey
        func rule(_ egress: EgressConfig) -> EgressRule {
            EgressRule(hosts: egress.hosts, methods: egress.methods, ports: egress.ports)
        }
        let tenants = Dictionary(config.tenants.map { ($0.name.value, rule($0.egress)) }) { first, _ in first }
        Egress.shared.set(
            tenants: tenants, others: tenants[TenantConfig.fallback] ?? EgressRule(),
            functions: Dictionary(config.functions.map { ($0.name.value, rule($0.egress)) }) { first, _ in first })
        _ = reload()
    }

    /// The folder in which changes concern it.
    var path: String { folder.path + "/" }

    /// Reads the secrets again. When they cannot be read, those of before stay, and that is told to the log.
    func reload() -> [Change] {
        do throws(Failure) {
            let secrets = try SecretKey(file: keyFile).map { (key) throws(Failure) in try folder.all(key) } ?? []
            defer { known = secrets }
            Egress.shared.set(
                secrets: secrets.map {
                    BoundSecret(
                        tenant: $0.tenant, host: $0.host, port: $0.port, needsSecurity: !$0.isPlain, line: $0.line)
                })
            return secrets.filter { !known.contains($0) }.map { Change(secret: $0, isSet: true) }
                + known.filter { old in !secrets.contains { ($0.tenant, $0.name) == (old.tenant, old.name) } }
                .map { Change(secret: $0, isSet: false) }
        } catch {
            Log.error("secrets cannot be read: \(error.detail); those that were read before stay")
            return []
        }
    }
}
