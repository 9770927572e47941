internal import Dispatcher
internal import Engines
internal import Failure
internal import Fleet
internal import Memory
internal import Platform
internal import PluginHost
internal import Synchronization
internal import Telemetry

/// This node's part in the fleet's queue of durable invocations: takes what it has an engine for, says that its work goes on, and
/// looks for the ends of those that somebody waits for.
final class SharedWork: Sendable {
    let store: SharedStore
    let sweep: SharedSweep
    private let attempts: Int
    private let sources: [QueueSource]
    private let running = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    /// Messages that were given and are not runs yet.
    private let taking = Atomic<Int>(0)
    /// Make the changes, and take what was pulled.
    private let helpers = HelperThreads(count: 16)
    private let waits = Mutex<[InvocationID: Wait]>([:])
    private let waiter = Parker()
    private static let lost = Metrics.shared.cell(
        "dandelion_durable_lost_total",
        "Durable invocations that were cancelled or taken over by other nodes while they ran here.")

    /// Of an invocation that may run anywhere.
    private struct Wait: Sendable {
        var owner: InvocationOwner
        var next: UInt64
        var pause: UInt64
    }

    init(_ store: SharedStore, _ sweep: SharedSweep, attempts: Int, sources: [QueueSource]) {
        self.sources = sources
        self.store = store
        self.sweep = sweep
        self.attempts = attempts
    }

    /// `owner` outlives the threads, by `stop`.
    func start(_ owner: DurableInvocations) {
        do {
            for index in 0..<SharedKey.queues { try begin("durable-\(index)", owner) { $0.pull(index, $1) } }
            for source in sources {
                try begin("queue-\(source.name)", owner) { work, owner in source.run(owner) { work.hasStopped } }
            }
            try begin("durable-beat", owner) { $0.beat($1) }
            try begin("durable-wait", owner) { $0.wait($1) }
            try begin("durable-sweep", owner) { $0.sweep($1) }
        } catch { Log.error("durable invocations: no thread for the fleet's: \(error)") }
    }

    private func begin(
        _ name: String, _ owner: DurableInvocations,
        _ body: @escaping @Sendable (SharedWork, DurableInvocations) -> Void
    ) throws(SystemError) {
        running.add(1, ordering: .relaxed)
        do {
            try Thread.start(name: name, core: nil) { [self] in
                body(self, owner)
                running.subtract(1, ordering: .releasing)
            }
        } catch {
            running.subtract(1, ordering: .releasing)
            throw error
        }
    }

    /// Waits until no thread pulls any more.
    func stop() {
        isOver.store(true, ordering: .relaxed)
        waiter.wake()
        while running.load(ordering: .acquiring) > 0 || taking.load(ordering: .acquiring) > 0 { Sleep.milliseconds(2) }
    }

    var hasStopped: Bool { isOver.load(ordering: .relaxed) }

    /// Makes a change on a thread that may wait.
    func submit(_ change: Change, _ completion: @escaping Committer.Completion) {
        let isTaken = helpers.submit { [store] in
            do throws(Failure) { completion(.success(try store.make(change))) } catch { completion(.failure(error)) }
        }
        if !isTaken { completion(.failure(Failure(.busy, "too many changes of durable invocations wait already"))) }
    }

    // MARK: Taking

    private static let pulling: UInt64 = 500_000_000

    private func pull(_ index: Int, _ owner: DurableInvocations) {
        while !hasStopped {
            guard let fleet = store.place.current, fleet.isHeard else {
                Sleep.milliseconds(20)
                continue
            }
            guard hasRoom(owner) else {
                Sleep.milliseconds(2)
                continue
            }
            do throws(Failure) {
                let queue = try store.queue(index)
                guard let message = try queue.pull(timeout: Self.pulling) else { continue }
                taking.add(1, ordering: .relaxed)
                let isTaken = !hasStopped && hasRoom(owner) && helpers.submit { [self] in take(message, queue, owner) }
                if !isTaken {
                    try? queue.settle(message.token, .again(0), timeout: SharedStore.patience)
                    taking.subtract(1, ordering: .releasing)
                }
            } catch {
                Log.debug("durable invocations: the fleet's queue gives nothing: \(error.detail)")
                Sleep.milliseconds(100)
            }
        }
    }

    /// An engine is free here.
    private func hasRoom(_ owner: DurableInvocations) -> Bool {
        let pool = owner.pool
        let begun = taking.load(ordering: .relaxed)
        return pool.busyEngines + begun <= pool.workers.count && owner.canTake(beside: begun)
    }

    private func take(_ message: FleetMessage, _ queue: FleetQueue, _ owner: DurableInvocations) {
        defer { taking.subtract(1, ordering: .releasing) }
        do throws(Failure) {
            switch try store.take(message, queue, attempts: attempts, canRun: owner.canRun) {
            case .known: break
            case .over: try queue.settle(message.token, .done, timeout: SharedStore.patience)
            case .later(let pause): try queue.settle(message.token, .again(pause), timeout: SharedStore.patience)
            case .spent(let shared):
                owner.ended(shared.record.id, .dead)
                try queue.settle(message.token, .done, timeout: SharedStore.patience)
            case .taken(let shared): owner.take(shared.record)
            }
        } catch {
            // The message comes again by itself.
            Log.debug("durable invocations: a message is left: \(error.detail)")
        }
    }

    // MARK: Going on

    private func beat(_ owner: DurableInvocations) {
        while !hasStopped {
            let time = (try? store.place.current?.engine.facts().settleTime) ?? 3_000_000_000
            let end = Clock.now() &+ max(time / 3, 20_000_000)
            store.beat()
            for id in store.lost() {
                Self.lost.add()
                owner.lose(id)
            }
            while !hasStopped, Clock.now() < end { Sleep.milliseconds(10) }
        }
    }

    private func sweep(_ owner: DurableInvocations) {
        while !hasStopped {
            sweep.run { hasStopped }
            owner.noteOpen(sweep.last.open)
            Sleep.milliseconds(100)
        }
    }

    // MARK: Waiting

    private static let shortestWait: UInt64 = 2_000_000
    private static let longestWait: UInt64 = 250_000_000

    /// Looks for the end of an invocation until `owner` has nobody who waits for it.
    func await(_ id: InvocationID, of owner: InvocationOwner) {
        waits.withLock { waits in
            if waits[id] == nil { waits[id] = Wait(owner: owner, next: 0, pause: Self.shortestWait) }
        }
        waiter.wake()
    }

    /// As long as the engine is away nothing has ended.
    private func isOpen(_ id: InvocationID, of owner: InvocationOwner) -> Bool {
        do throws(Failure) { return try store.record(id, of: owner)?.state.isOpen ?? false } catch { return true }
    }

    private func wait(_ owner: DurableInvocations) {
        while !hasStopped {
            let now = Clock.now()
            let due = waits.withLock { waits in
                for id in waits.keys where !owner.isAwaited(id) { waits[id] = nil }
                return waits.filter { $0.value.next <= now }
            }
            for (id, wait) in due {
                guard isOpen(id, of: wait.owner) else {
                    waits.withLock { $0[id] = nil }
                    owner.tell(id)
                    continue
                }
                waits.withLock { waits in
                    waits[id]?.next = Clock.now() &+ wait.pause
                    waits[id]?.pause = min(wait.pause * 3 / 2, Self.longestWait)
                }
            }
            let next = waits.withLock { $0.values.map(\.next).min() }
            let pause = next.map { $0 > Clock.now() ? $0 - Clock.now() : 0 } ?? 1_000_000_000
            if pause > 0 { waiter.park(nanoseconds: Int64(clamping: min(pause, 1_000_000_000))) }
        }
    }
}
