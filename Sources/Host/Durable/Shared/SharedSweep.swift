internal import Failure
internal import Fleet
internal import Platform
internal import PluginHost
internal import Synchronization
internal import Telemetry

/// Looks through all durable invocations of the fleet now and then: how many are open, what they take, and which are too old. One
/// node removes these, the first of those that are there; files of payloads that nobody needs go by themselves at every node.
final class SharedSweep: Sendable {
    private let store: SharedStore
    private let keep: UInt64
    private let keepDead: UInt64
    private let found = Mutex(Found())
    private let nextSweep = Atomic<UInt64>(0)

    /// Of all nodes, as of the last look, with what this node has accepted since.
    struct Found: Sendable {
        var open = 0
        var bytes: [String: Int] = [:]
        var all = 0
    }

    init(_ store: SharedStore, keep: UInt64, keepDead: UInt64) {
        self.store = store
        self.keep = keep
        self.keepDead = keepDead
    }

    var last: Found { found.withLock { $0 } }

    func noteAccepted(_ tenant: String, _ bytes: Int) {
        found.withLock { found in
            found.open += 1
            found.bytes[tenant, default: 0] += bytes
            found.all += bytes
        }
    }

    /// Between two looks, at least, ns; a long look is followed by a longer pause.
    private static let pause: UInt64 = 10_000_000_000
    /// Files of payloads are left alone for so many seconds: what names them may be on its way.
    private static let fresh = 300

    /// Looks if it is time to. Blocks.
    func run(until isOver: () -> Bool) {
        let began = Clock.now()
        guard began >= nextSweep.load(ordering: .relaxed), let fleet = store.place.current, fleet.isHeard else {
            return
        }
        do throws(Failure) {
            try look(isFirst: fleet.isFirst, until: isOver)
            try clearFiles(until: isOver)
        } catch { Log.debug("durable invocations: the look for what is old ended early: \(error.detail)") }
        let took = Clock.now() &- began
        nextSweep.store(Clock.now() &+ max(Self.pause, took &* 20), ordering: .relaxed)
    }

    private func look(isFirst: Bool, until isOver: () -> Bool) throws(Failure) {
        let now = Clock.wall()
        var seen = Found()
        var old: [(shared: SharedInvocation, revision: UInt64)] = []
        try store.each(below: SharedKey.invocations) { _, value in
            guard let shared = SharedInvocation(value.bytes) else { return }
            let record = shared.record
            if record.state.isOpen { seen.open += 1 }
            let bytes = record.inputBytes + record.resultBytes
            seen.bytes[record.order.tenant, default: 0] += bytes
            seen.all += bytes
            if isFirst, isOld(record, now) { old.append((shared, value.revision)) }
        }
        found.withLock { $0 = seen }
        for (shared, revision) in old where !isOver() { try store.forget(shared, revision) }
        if isFirst { try store.forgetKeys(endedBy: now) }
    }

    private func isOld(_ record: InvocationRecord, _ now: UInt64) -> Bool {
        guard !record.state.isOpen, record.state != .uncertain else { return false }
        return now > record.ended &+ (record.state == .dead ? keepDead : keep)
    }

    private func clearFiles(until isOver: () -> Bool) throws(Failure) {
        let folder = store.payloads.folder
        for name in folder.names(before: Int(Clock.wall() / 1_000_000_000) - Self.fresh) where !isOver() {
            // What was not written to its end begins with a dot.
            guard !name.hasPrefix("."), try store.get(name) != nil else {
                folder.remove(name)
                continue
            }
        }
    }
}
