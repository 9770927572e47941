public import Engines
public import Failure
public import Items
public import Memory
internal import Platform
public import PluginHost
public import Registry
internal import Synchronization
internal import Telemetry

/// This node as one of several that share a registry and their work (Docs/fleet.md).
public final class Fleet: Sendable {
    /// How this node is called: `http://HOST:PORT`.
    public let address: String
    public let engine: FleetEngine
    private let registry: SharedRegistry
    private let members = Members()
    private let calls: PeerCalls
    private let fetch: ContentFetch
    private let pool: WorkerPool
    private let version: String
    private let policy = RoutingPolicy()
    /// Tells this life of the node from its others.
    private let life = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    private let lease: UInt64
    private let load: @Sendable () -> (wait: UInt64, requests: Int)
    private let status: Mutex<Status>
    private let beat = Parker()
    /// What was told last, so that what changes much is told at once.
    private let toldWait = Atomic<UInt64>(0)
    /// How long a function usually runs here, ns.
    private let usualRun = Atomic<UInt64>(0)
    private let isDraining = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)
    private let running = Atomic<Int>(0)
    private let metrics = FleetMetrics()
    private let identity: String

    private struct Status {
        /// When this node heard of itself by the engine last.
        var heard: UInt64 = 0
        var wantsBeat = true
    }

    static let prefix = "node"
    /// Between two beats, at least, ns.
    private static let shortestBeat: UInt64 = 100_000_000

    /// - Parameters:
    ///   - address: by which the others reach this node.
    ///   - transport: how it reaches them: protocol `http` of dn.comm/1.
    ///   - token: shows the others who it is; nil where nobody asks.
    ///   - load: how long a request waits here now, ns, and how many are in progress.
    public init(
        address: String, engine: FleetEngine, transport: CommFunction, token: String?, catalogue: Catalogue,
        pool: WorkerPool, version: String, load: @escaping @Sendable () -> (wait: UInt64, requests: Int)
    ) throws(Failure) {
        (self.address, self.engine, self.pool, self.version, self.load) = (address, engine, pool, version, load)
        status = Mutex(Status())
        lease = try engine.facts().lease
        identity = "\(Self.prefix).\(Store.digest(of: Blob(address)))"
        calls = PeerCalls(transport, pool)
        let credentials = token.map { [("authorization", "Bearer \($0)")] } ?? []
        let told = Told()
        fetch = ContentFetch(calls, catalogue, members, credentials: credentials)
        registry = SharedRegistry(engine, catalogue, pool.budget, members, fetch, address: address) { told.tell() }
        told.fleet.withLock { $0 = .init(self) }
        catalogue.agree(with: registry)
    }

    /// The registry's way to the fleet that has it.
    private final class Told: Sendable {
        struct Reference: Sendable {
            weak let fleet: Fleet?
            init(_ fleet: Fleet?) { self.fleet = fleet }
        }
        let fleet = Mutex(Reference(nil))
        func tell() { fleet.withLock { $0 }.fleet?.beatSoon() }
    }

    // MARK: Life

    /// Begins to be a member. Not from a worker's thread.
    public func start() throws(Failure) {
        do {
            try begin("fleet-members") { $0.attend() }
            try begin("fleet-registry") { $0.registry.watch() }
            try begin("fleet-copies") { $0.registry.apply() }
        } catch {
            throw Failure(.internal, "fleet: \(error)")
        }
        Log.info("fleet: this node is \(address), by plugin \(engine.name)")
    }

    private func begin(_ name: String, _ body: @escaping @Sendable (Fleet) -> Void) throws(SystemError) {
        running.add(1, ordering: .relaxed)
        try Thread.start(name: name, core: nil) { [self] in
            body(self)
            running.subtract(1, ordering: .releasing)
        }
    }

    /// Others send nothing here any more; told at once, as far as the engine is there. Blocks for a moment.
    public func drain() {
        isDraining.store(true, ordering: .relaxed)
        _ = try? engine.put(.leased, identity, record.json, expected: .whatever, timeout: 500_000_000)
    }

    /// Leaves; blocks until its threads have ended.
    public func stop() {
        isOver.store(true, ordering: .relaxed)
        registry.stop()
        beat.wake()
        _ = try? engine.remove(.leased, identity, expected: .whatever, timeout: 500_000_000)
        while running.load(ordering: .acquiring) > 0 { Sleep.milliseconds(2) }
    }

    // MARK: Membership

    private var record: MemberRecord {
        let (expected, requests) = load()
        let wait = self.wait(behind: expected)
        toldWait.store(wait, ordering: .relaxed)
        return MemberRecord(
            address: address, life: life, version: version, isDraining: isDraining.load(ordering: .relaxed), wait: wait,
            requests: requests, cores: pool.workers.count, applied: registry.applied, names: registry.count)
    }

    private func beatSoon() {
        status.withLock { $0.wantsBeat = true }
        beat.wake()
    }

    /// Tells of this node and hears of the others, until `stop`.
    private func attend() {
        let watcher = MemberWatch(engine, members, prefix: Self.prefix, own: address) { [self] in
            status.withLock { $0.heard = Clock.now() }
        }
        do { try begin("fleet-watch") { fleet in watcher.run { fleet.isOver.load(ordering: .relaxed) } } } catch {
            Log.error("fleet: \(error)")
        }
        var last: UInt64 = 0
        while !isOver.load(ordering: .relaxed) {
            let now = Clock.now()
            let wanted = status.withLock { status in
                defer { status.wantsBeat = false }
                return status.wantsBeat
            }
            if wanted || now &- last >= lease / 3 || hasMoved {
                tellOfThisNode()
                last = Clock.now()
            }
            members.expire(lease: lease)
            metrics.members.set(members.all.count + 1)
            metrics.connected.set(isHeard ? 1 : 0)
            // Beats that are wanted meanwhile are one.
            Sleep.milliseconds(10)
            if !status.withLock({ $0.wantsBeat }) { beat.park(nanoseconds: Int64(Self.shortestBeat)) }
        }
    }

    /// The wait here is another than the others believe, by much.
    private var hasMoved: Bool {
        let (told, wait) = (toldWait.load(ordering: .relaxed), self.wait(behind: load().wait))
        let (low, high) = (min(told, wait), max(told, wait))
        return high > 5_000_000 && high / 2 > low
    }

    private func tellOfThisNode() {
        do throws(Failure) {
            _ = try engine.put(.leased, identity, record.json, expected: .whatever, timeout: lease / 3)
        } catch {
            metrics.failedBeats.add()
            Log.debug("fleet: the engine does not hear this node: \(error.detail)")
        }
    }

    /// The engine is there: this node hears of itself.
    public var isHeard: Bool {
        let heard = status.withLock { $0.heard }
        return heard != 0 && Clock.now() &- heard < lease
    }

    /// This node is the one, of those that are there, that does what one node is to do.
    public var isFirst: Bool { members.all.allSatisfy { address < $0.address } }

    /// Another node that is there.
    public func hasMember(_ address: String) -> Bool { members.holds(address) }

    /// Some node has registered it.
    public func knows(_ name: String, in space: String) -> Bool { registry.revision(of: name, in: space) != nil }

    // MARK: Payloads

    /// Has another node keep a copy of what this one keeps under `name`. Blocks.
    /// - Returns: its address; nil where this node is alone.
    /// - Throws: `.unavailable` when none of the others does.
    public func haveCopied(_ name: String, size: Int, digest: String) throws(Failure) -> String? {
        let peers = members.all.filter { $0.view(lease: lease, revision: 0).takes }.shuffled()
        guard !members.all.isEmpty else {
            Log.warning("fleet: no other node is there: payload \(name) is at this one alone")
            return nil
        }
        var last = Failure(.unavailable, "no other node takes anything now")
        for peer in peers {
            do throws(Failure) {
                try fetch.haveCopied(name, size: size, digest: digest, from: address, by: peer, pool.budget.own)
                return peer.address
            } catch { last = error }
        }
        throw Failure(.unavailable, "no other node keeps a copy of payload \(name): \(last.detail)")
    }

    /// What nodes keep under `name`, charged to `account`. Blocks.
    public func payload(
        _ name: String, size: Int, digest: String, at nodes: [String], _ account: MemoryAccount
    ) throws(Failure) -> Blob {
        try fetch.payload(name, size: size, digest: digest, at: nodes.filter { $0 != address }, account)
    }

    // MARK: Requests

    /// How long a request waits for an engine, ns: for the work before it, and until one is free.
    /// - Parameter queue: for what waits already.
    public func wait(behind queue: UInt64) -> UInt64 {
        let engines = pool.workers.count
        guard engines > 0, pool.busyEngines >= engines else { return queue }
        return queue &+ usualRun.load(ordering: .relaxed) / UInt64(engines)
    }

    /// A function has run here for so long, ns.
    public func note(run: UInt64) {
        let old = usualRun.load(ordering: .relaxed)
        usualRun.store(old == 0 ? run : old - old / 16 + run / 16, ordering: .relaxed)
    }

    /// Where a request should run; nil = here.
    /// - Parameters:
    ///   - name: what it asks for; nil: something that all nodes have.
    ///   - isHere: it is registered here.
    ///   - wait: how long it would wait here, ns.
    public func place(of name: String?, in space: String, isHere: Bool, wait: UInt64) -> Peer? {
        if isHere, wait <= policy.cost { return nil }
        var revision: UInt64 = 0
        if !isHere {
            guard let name, let known = registry.revision(of: name, in: space) else { return nil }
            revision = known
        }
        let peers = members.all
        let place = policy.place(
            wait: isHere ? wait : nil, peers: peers.map { $0.view(lease: lease, revision: revision) },
            random: { Int.random(in: 0..<$0) })
        guard case .peer(let index) = place else { return nil }
        return peers[index]
    }

    /// Whether a request that would be turned away here may go to another node.
    public func mayPassOn(wait: UInt64) -> Bool {
        members.all.contains { peer in
            let view = peer.view(lease: lease, revision: 0)
            return view.takes && view.estimate < wait
        }
    }

    /// Sends a request to another node. On the loop of `worker`, where `done` is called, once.
    /// - Parameters:
    ///   - target: path and query.
    ///   - fields: as they came; those that say who has passed it on, and until when, are added.
    ///   - deadline: CLOCK_MONOTONIC ns; 0 = none.
    public func pass(
        _ target: String, _ fields: [(String, String)], body: Blob, to peer: Peer, deadline: UInt64,
        _ account: MemoryAccount, on worker: Worker, _ done: @escaping (Result<PeerAnswer, PeerFailure>) -> Void
    ) throws(Failure) {
        // The request is put together in one piece.
        let hold = try MemoryHold(body.count, account, .bodies)
        let request = PeerCalls.request(
            "POST", peer.address + target, fields + [("dandelion-forwarded", address)], body: body)
        let pass = peer.begin()
        metrics.passedOn.add()
        let began = Clock.now()
        var hasEnded = false
        let cancel = calls.send(request, deadline: deadline, account, on: worker) { [self] result in
            withExtendedLifetime(hold) {}
            hasEnded = true
            switch result {
            case .success(let answer):
                peer.end(pass, after: Clock.now() &- began)
                if let wait = answer.field("dandelion-load").flatMap({ UInt64($0) }) { peer.hear(wait: wait &* 1_000) }
            case .failure:
                peer.end(pass, after: nil)
                metrics.failedPasses.add()
                peer.avoid()
            }
            done(result)
        }
        if let cancel, !hasEnded { peer.onSilence(pass, cancel) }
    }

    /// Counts a request that came from another node.
    public func noteTaken() { metrics.taken.add() }

    /// How long a request waits here now, us: for the field of answers to other nodes.
    public var waitForPeers: String { String(wait(behind: load().wait) / 1_000) }

    // MARK: Looking

    /// What is known of a node.
    public struct NodeFacts: Sendable {
        public let address: String
        public let version: String
        public let isDraining: Bool
        /// ns.
        public let wait: UInt64
        public let requests: Int
        public let cores: Int
        public let names: Int
        /// ns ago.
        public let heard: UInt64
        public let isThis: Bool
    }

    /// All members, in the order of their addresses.
    public var nodes: [NodeFacts] {
        let now = Clock.now()
        func facts(_ record: MemberRecord, _ heard: UInt64, isThis: Bool) -> NodeFacts {
            NodeFacts(
                address: record.address, version: record.version, isDraining: record.isDraining, wait: record.wait,
                requests: record.requests, cores: record.cores, names: record.names, heard: heard, isThis: isThis)
        }
        let others = members.all.map { facts($0.record, now &- $0.lastHeard, isThis: false) }
        return (others + [facts(record, 0, isThis: true)]).sorted { $0.address < $1.address }
    }
}

/// Where a node finds its fleet, once it has one: its own address is known only when it listens.
public final class FleetPlace: Sendable {
    private let fleet = AtomicLazyReference<Fleet>()

    public init() {}

    public var current: Fleet? { fleet.load() }

    /// Once.
    public func put(_ made: Fleet) { _ = fleet.storeIfNil(made) }
}

/// Agrees to nothing: of a node that is to be of a fleet and is not yet.
public struct NotJoined: RegistrationWitness {
    public init() {}

    public func claim(_ changes: [SharedChange]) throws(Failure) -> any RegistrationClaim {
        throw Failure(.unavailable, "this node has not joined its fleet yet: nothing can be registered or removed now")
    }
}
