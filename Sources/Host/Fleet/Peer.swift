internal import Platform
internal import Synchronization

/// Another node of the fleet, as this one knows it. Any thread.
public final class Peer: Sendable {
    /// `http://HOST:PORT`.
    public let address: String
    private let told: Mutex<MemberRecord>
    private let heard = Atomic<UInt64>(0)
    private let wait = Atomic<UInt64>(0)
    /// Requests that were sent there and are not answered.
    private let inFlight = Atomic<Int>(0)
    private let lastPass = Atomic<UInt64>(0)
    /// Of those: how to end them.
    private let passes = Mutex<[UInt64: @Sendable () -> Void]>([:])
    /// It failed a request; nothing is sent there before this moment, unless it is heard of.
    private let avoidedUntil = Atomic<UInt64>(0)
    /// Usual time of a request there, ns.
    private let usual = Atomic<UInt64>(1_000_000)

    init(_ record: MemberRecord) {
        address = record.address
        told = Mutex(record)
        hear(record)
    }

    var record: MemberRecord { told.withLock { $0 } }
    var lastHeard: UInt64 { heard.load(ordering: .relaxed) }

    func hear(_ record: MemberRecord) {
        told.withLock { $0 = record }
        wait.store(record.wait, ordering: .relaxed)
        heard.store(Clock.now(), ordering: .relaxed)
        avoidedUntil.store(0, ordering: .relaxed)
    }

    /// It said with an answer how long requests wait there now, ns.
    func hear(wait now: UInt64) { wait.store(now, ordering: .relaxed) }

    /// A request goes there.
    /// - Returns: what `end` and `gaveUp` call it by.
    func begin() -> UInt64 {
        inFlight.add(1, ordering: .relaxed)
        return lastPass.add(1, ordering: .relaxed).newValue
    }

    /// How to end a request that has begun and not ended.
    func onSilence(_ pass: UInt64, _ cancel: @escaping @Sendable () -> Void) {
        passes.withLock { $0[pass] = cancel }
    }

    /// It says nothing any more: ends what was sent there, since no answer will come.
    func fallSilent() {
        let left = passes.withLock { passes in
            defer { passes = [:] }
            return Array(passes.values)
        }
        for cancel in left { cancel() }
    }

    /// - Parameter time: ns until the answer; nil: there was none.
    func end(_ pass: UInt64, after time: UInt64?) {
        inFlight.subtract(1, ordering: .relaxed)
        passes.withLock { $0[pass] = nil }
        guard let time else { return }
        let old = usual.load(ordering: .relaxed)
        usual.store(old - old / 8 + time / 8, ordering: .relaxed)
    }

    /// It does not answer, or takes nothing: for this long nothing is sent there, ns, unless it is heard of.
    public func avoid(_ time: UInt64 = 1_000_000_000) { avoidedUntil.store(Clock.now() &+ time, ordering: .relaxed) }

    /// What the policy is told. `revision`: of what the request needs.
    func view(lease: UInt64, revision: UInt64) -> RoutingPolicy.Peer {
        let record = record
        let now = Clock.now()
        let isThere = now &- lastHeard < lease && avoidedUntil.load(ordering: .relaxed) <= now
        let sent = UInt64(clamping: max(0, inFlight.load(ordering: .relaxed)))
        let (work, overflow) = sent.multipliedReportingOverflow(by: usual.load(ordering: .relaxed))
        return RoutingPolicy.Peer(
            wait: wait.load(ordering: .relaxed), pledged: overflow ? .max / 4 : work / UInt64(record.cores),
            takes: isThere && !record.isDraining, hasIt: record.applied >= revision)
    }
}

/// The other nodes that have been heard of within a lease.
final class Members: Sendable {
    private let peers = Mutex<[Peer]>([])

    var all: [Peer] { peers.withLock { $0 } }

    func hear(_ record: MemberRecord) {
        peers.withLock { peers in
            if let known = peers.first(where: { $0.address == record.address }) { return known.hear(record) }
            peers.append(Peer(record))
            peers.sort { $0.address < $1.address }
        }
    }

    func forget(_ address: String) { peers.withLock { $0.removeAll { $0.address == address } } }

    /// Forgets those that say nothing.
    func expire(lease: UInt64) {
        let now = Clock.now()
        let silent = peers.withLock { peers in
            let silent = peers.filter { now &- $0.lastHeard > lease }
            peers.removeAll { now &- $0.lastHeard > lease }
            return silent
        }
        for peer in silent { peer.fallSilent() }
    }

    func holds(_ address: String) -> Bool { peers.withLock { $0.contains { $0.address == address } } }
}
