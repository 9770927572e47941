internal import CVersion
internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Fleet
internal import Glibc
internal import PluginHost
internal import Registry
internal import Telemetry
internal import Transport

/// The node's part in its fleet, from its config and plugins.
final class Membership {
    let place = FleetPlace()
    private let settings: FleetSettings
    private let assembly: Assembly
    private let admission: Admission
    private var fleet: Fleet?

    /// Nil where the config has no fleet.
    init?(_ config: NodeConfig, _ assembly: Assembly, _ admission: Admission) {
        guard let settings = config.fleet else { return nil }
        (self.settings, self.assembly, self.admission) = (settings, assembly, admission)
        assembly.catalogue.agree(with: NotJoined())
    }

    /// Becomes a member; when that cannot be, the node serves alone, and says so.
    /// - Parameter listening: where others may reach it, if the config does not say.
    func join(_ listening: [(place: ListenPlace, settings: ListenerSettings)]) {
        do throws(Failure) {
            let fleet = try make(listening)
            try fleet.start()
            place.put(fleet)
            self.fleet = fleet
        } catch {
            Log.error("fleet: this node is alone, and nothing can be registered at it: \(error.detail)")
        }
    }

    private func make(
        _ listening: [(place: ListenPlace, settings: ListenerSettings)]
    ) throws(Failure) -> Fleet {
        guard let engine = assembly.fleetEngine else {
            throw Failure(.unavailable, "plugin '\(settings.plugin.value)' is unavailable")
        }
        guard let transport = assembly.transport else {
            throw Failure(.unavailable, "plugin '\(settings.transport.value)' is unavailable")
        }
        guard let address = settings.address ?? Self.address(listening) else {
            throw Failure(.invalid, "[fleet] needs 'address': no listener is at an address that others could use")
        }
        let (admission, pool) = (admission, assembly.pool)
        return try Fleet(
            address: address, engine: engine, transport: transport,
            token: try settings.tokenFile.map(Self.firstLine), catalogue: assembly.catalogue, pool: pool,
            version: String(cString: dandelion_version())
        ) { (pool.expectedWait(of: admission.others), admission.requests) }
    }

    /// Of the first listener at an address.
    private static func address(_ listening: [(place: ListenPlace, settings: ListenerSettings)]) -> String? {
        for (place, settings) in listening {
            guard case .address(let address) = place, !["0.0.0.0", "::"].contains(address.host) else { continue }
            return "\(settings.tls == nil ? "http" : "https")://\(address)"
        }
        return nil
    }

    private static func firstLine(of path: String) throws(Failure) -> String {
        let file = fopen(path, "re")
        guard let file else {
            throw Failure(.invalid, "[fleet] token_file \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        guard fgets(&line, Int32(line.count), file) != nil else {
            throw Failure(.invalid, "[fleet] token_file \(path) is empty")
        }
        let bytes = line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Others send nothing here any more.
    func drain() { fleet?.drain() }

    func leave() { fleet?.stop() }
}
