internal import Failure
internal import Platform
internal import PluginHost
internal import Telemetry

/// Hears of the members, this node included: that it hears of itself shows that the watch works.
final class MemberWatch: Sendable {
    private let engine: FleetEngine
    private let members: Members
    private let prefix: String
    /// This node's address.
    private let own: String
    private let heardOfOwn: @Sendable () -> Void

    init(
        _ engine: FleetEngine, _ members: Members, prefix: String, own: String,
        _ heardOfOwn: @escaping @Sendable () -> Void
    ) {
        (self.engine, self.members, self.prefix, self.own) = (engine, members, prefix, own)
        self.heardOfOwn = heardOfOwn
    }

    func run(until isOver: () -> Bool) {
        while !isOver() {
            do throws(Failure) { try watch(until: isOver) } catch {
                Log.debug("fleet: the members' watch is over: \(error.detail)")
                Sleep.milliseconds(100)
            }
        }
    }

    private func watch(until isOver: () -> Bool) throws(Failure) {
        let watch = try engine.watch(.leased, below: prefix, timeout: SharedRegistry.patience)
        let lease = try engine.facts().lease
        // Keys by address, to know who is removed.
        var addresses: [String: String] = [:]
        var heard = Clock.now()
        while !isOver() {
            switch try watch.next(timeout: 200_000_000) {
            case .put(let key, let value):
                guard let record = MemberRecord(value.bytes) else { continue }
                addresses[key] = record.address
                guard record.address != own else {
                    heard = Clock.now()
                    heardOfOwn()
                    continue
                }
                members.hear(record)
            case .removed(let key, _): if let address = addresses[key] { members.forget(address) }
            case .current, nil: break
            }
            if Clock.now() &- heard > lease { throw Failure(.unavailable, "it does not tell of this node") }
        }
    }
}
