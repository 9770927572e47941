public import Config
public import Dispatcher
public import Engines
public import Failure
public import Fleet
public import Items
internal import Memory
internal import Platform
internal import Synchronization
internal import Telemetry

/// Invocations that outlive their caller and the process: accepted once they are on disk, run when it is their turn, run again
/// after a crash, and ended once. Nothing of it is there before the first is accepted.
public final class DurableInvocations: Sendable {
    public let settings: DurableSettings
    let dispatcher: Dispatcher
    let pool: WorkerPool
    private let folder: String
    let ids = InvocationIDs()
    /// Schedules, without their inputs; `next` 0 = its next time is being written.
    let timetable = Mutex<[ScheduleRecord]>([])
    let line = Mutex(Line())
    private let isUsed: Atomic<Bool>
    let nextWorker = Atomic<Int>(0)
    private let lastExpiry = Atomic<UInt64>(0)
    /// Read the store.
    let readers: HelperThreads
    /// This node's part in the fleet's queue; nil: what is kept is kept by this node alone.
    let shared: SharedWork?
    private let committerCell = AtomicLazyReference<Committer>()
    /// Nil while it is not open.
    private let storeCell = Mutex<(any InvocationStore)?>(nil)
    /// Of SQLite's own memory.
    private let storeCharge: Mutex<MemoryCharge>
    let metrics = DurableMetrics()

    /// - Parameters:
    ///   - folder: the state folder.
    ///   - fleet: whose nodes share what is kept; nil: it is this node's.
    ///   - queues: of the fleet's engine.
    public init(
        _ settings: DurableSettings, folder: String, dispatcher: Dispatcher, pool: WorkerPool,
        fleet: FleetPlace? = nil, queues: [FleetQueueSettings] = []
    ) {
        self.settings = settings
        self.folder = folder
        self.dispatcher = dispatcher
        self.pool = pool
        isUsed = Atomic(fleet != nil || SQLiteStore.exists(in: folder))
        let store = fleet.map { SharedStore($0, PayloadFolder(state: folder), keep: settings.keep) }
        shared = store.map { store in
            SharedWork(
                store, SharedSweep(store, keep: settings.keep, keepDead: settings.keepDead),
                attempts: settings.attempts, sources: queues.map { QueueSource($0, store) })
        }
        // Those who ask a fleet's engine wait for it.
        readers = HelperThreads(count: fleet == nil ? 1 : 8)
        storeCharge = Mutex(MemoryCharge(pool.budget.own, .durable))
    }

    var committer: Committer {
        committerCell.load()
            ?? committerCell.storeIfNil(
                Committer(
                    open: { [unowned self] () throws(Failure) in try open() },
                    tick: { [unowned self] in tick() }))
    }

    /// Goes on with what an earlier process has left. Workers run, and what is registered is there.
    public func start() {
        if let shared { return shared.start(self) }
        guard isUsed.load(ordering: .relaxed) else { return }
        committer.whenOpen { result in
            if case .failure(let failure) = result { Log.error("durable invocations: \(failure.detail)") }
        }
    }

    public var isStopping: Bool { line.withLock { $0.isStopping } }

    /// Begins no more, and tells all who wait for an end to look again.
    public func beginStopping() {
        let waiters = line.withLock { line in
            line.isStopping = true
            defer { line.waiters = [:] }
            return line.waiters.values.flatMap(\.self)
        }
        for waiter in waiters { waiter.tell() }
    }

    /// Lets what runs end until `deadline` (CLOCK_MONOTONIC ns); what does not is run again by the next process. After
    /// `beginStopping`, and before the workers stop.
    public func stop(until deadline: UInt64) {
        guard isUsed.load(ordering: .relaxed) else { return }
        while line.withLock({ $0.running }) > 0, Clock.now() < deadline { Sleep.milliseconds(2) }
        let left = line.withLock { line in line.entries.filter { $0.value.hasSlot } }
        for (id, entry) in left {
            submit(.giveBack(id)) { _ in }
            entry.run?.cancel()
        }
        guard let shared else { return committer.stop() }
        shared.stop()
        // As long as the engine takes it back.
        while !shared.store.held.withLock(\.isEmpty), Clock.now() < deadline { Sleep.milliseconds(2) }
    }

    /// Any thread. `completion` is called on some thread when the change is kept, or cannot be made.
    func submit(_ change: Change, isPatient: Bool = false, _ completion: @escaping Committer.Completion) {
        guard let shared else { return committer.submit(change, isPatient: isPatient, completion) }
        shared.submit(change, completion)
    }

    // MARK: Opening

    /// On the committer's thread.
    private func open() throws(Failure) -> any InvocationStore {
        let store = try SQLiteStore(folder: folder)
        let found = try store.recover()
        if let last = found.last { ids.pass(last) }
        let spent = found.open.filter { $0.wasRunning && $0.attempts >= settings.attempts }
        let now = Clock.wall()
        if !spent.isEmpty {
            _ = try store.apply(spent.map { .end($0.id, .cutShort(attempts: $0.attempts, now)) })
            for one in spent { Log.warning("durable invocation \(one.id) is dead: the node ended in each attempt") }
        }
        let gone = Set(spent.map(\.id))
        let holds = Holds(pool)
        line.withLock { line in
            for (tenant, bytes) in found.taken { line.resize(tenant, by: bytes) }
            for one in found.open where !gone.contains(one.id) {
                line.add(one.id, one.tenant, hasSlot: false, holds.noting(one.tenant))
                if one.due > now, !one.wasRunning {
                    line.pause(one.id, until: one.due)
                } else {
                    line.enqueue(one.id)
                }
            }
        }
        if !found.open.isEmpty { Log.info("durable invocations: \(found.open.count) go on") }
        storeCell.withLock { $0 = store }
        readSchedules()
        return store
    }

    /// On the committer's thread: what time brings. Gives the nanoseconds until the next call.
    private func tick() -> UInt64 {
        let now = Clock.wall()
        let (excess, nextDue, hasReady) = line.withLock { line in
            line.wake(now: now)
            return (line.takenInAll - Int(clamping: settings.maxSize), line.nextDue, line.hasReady)
        }
        let nextFiring = fireSchedules(now: now)
        pump()
        // Where all that is too much has not ended, nothing can go, and looking at once again would be without end.
        let rest = excess > 0 ? Self.readyPause : Self.expiryPause
        if now &- lastExpiry.load(ordering: .relaxed) > rest { expire(now, excess) }
        metrics.note(open: line.withLock { $0.entries.count }, running: line.withLock { $0.running })
        storeCharge.withLock { $0.note(SQLiteMemory.used) }
        let pause = hasReady ? Self.readyPause : Self.expiryPause
        let next = min(nextDue ?? .max, nextFiring ?? .max)
        return min(pause, next > now ? next - now : 0)
    }

    /// Nanoseconds between two looks for what is too old.
    private static let expiryPause: UInt64 = 5_000_000_000
    /// The same for whether tenants whose invocations wait have room now.
    private static let readyPause: UInt64 = 20_000_000

    private func expire(_ now: UInt64, _ excess: Int) {
        lastExpiry.store(now, ordering: .relaxed)
        // Those whose next time could not be written.
        if timetable.withLock({ $0.contains { $0.next == 0 } }) { readSchedules() }
        let expiry = Expiry(
            ended: now &- settings.keep, dead: now &- settings.keepDead, now: now, excess: max(0, excess))
        submit(.expire(expiry)) { [self] result in
            guard case .success(.expired(let gone, let isMore)) = result else { return }
            line.withLock { line in for one in gone { line.resize(one.tenant, by: -one.bytes) } }
            if isMore { lastExpiry.store(0, ordering: .relaxed) }
        }
    }

    /// From now on there is something to keep.
    func beUsed() { isUsed.store(true, ordering: .relaxed) }

    /// This node's own; nil while it is not open.
    var ownStore: (any InvocationStore)? { storeCell.withLock { $0 } }

    /// Nil while it is not open.
    var openStore: (any InvocationArchive)? { shared?.store ?? ownStore }

    /// Has `work` called on a thread that may wait: with the store, with why there is none, or with nil where nothing was ever
    /// kept.
    func read(_ work: @escaping @Sendable (Result<(any InvocationArchive)?, Failure>) -> Void) {
        guard isUsed.load(ordering: .relaxed) else { return work(.success(nil)) }
        let submit: @Sendable (Result<(any InvocationArchive)?, Failure>) -> Void = { [readers] result in
            if !readers.submit({ work(result) }) {
                work(.failure(Failure(.busy, "too many requests wait already")))
            }
        }
        if let store = openStore { return submit(.success(store)) }
        committer.whenOpen { submit($0.map { $0 }) }
    }

    // MARK: Accepting

    /// What became of a request to accept.
    public enum Acceptance: Sendable {
        case new(InvocationID)
        /// The key was used before, for the same.
        case known(InvocationID)
        /// The key was used before, for something else.
        case keyTaken(InvocationID)
    }

    /// Keeps an invocation; `completion` is called on the worker's loop when it is on disk, before it begins.
    /// - Parameters:
    ///   - input: `sets`, as `StoredSets` encodes them.
    ///   - charge: what the sets are charged to.
    public func accept(
        _ order: InvocationOrder, _ input: Blob, _ sets: [ItemSet], charge: (any AnyObject & Sendable)?,
        key: IdempotencyKey? = nil, on worker: Worker?,
        completion: @escaping @Sendable (Result<Acceptance, Failure>) -> Void
    ) {
        let hold: MemoryHold
        do throws(Failure) {
            hold = try Holds(pool).hold(order.tenant)
            try checkRoom(for: input.count, order.tenant)
        } catch { return completion(.failure(error)) }
        beUsed()
        let (id, now) = (ids.next(), Clock.wall())
        let begins = worker != nil && shared == nil && takeSlot(order.tenant)
        let change = Change.accept(
            Durable.Acceptance(
                id: id, order: order, input: input, now: now, begins: begins, key: key,
                keyEnd: now &+ settings.keepKeys))
        submit(change) { [self] result in
            if case .success(.made) = result { enter(id, order.tenant, input.count, begins, hold) }
            if shared != nil, case .failure(let failure) = result, failure.kind == .conflict {
                // Another node gave the id at the same moment.
                return accept(order, input, sets, charge: charge, key: key, on: worker, completion: completion)
            }
            let run: @Sendable () -> Void = { [self] in
                switch result {
                case .failure(let failure):
                    if begins { leave() }
                    completion(.failure(failure))
                case .success(.existing(let known, let isSame)):
                    if begins { leave() }
                    completion(.success(isSame ? .known(known) : .keyTaken(known)))
                case .success:
                    completion(.success(.new(id)))
                    guard begins, let worker else { return }
                    launch(DurableRun(id, order, attempt: 1, inputs: sets, charge: charge, on: worker, of: self))
                }
            }
            if let worker { worker.loop.post(run) } else { run() }
        }
    }

    private func checkRoom(for count: Int, _ tenant: String) throws(Failure) {
        let (open, taken, all) =
            shared.map { $0.sweep.last }.map { ($0.open, $0.bytes[tenant] ?? 0, $0.all) }
            ?? line.withLock { ($0.entries.count, $0.taken[tenant] ?? 0, $0.takenInAll) }
        guard open < settings.maxOpen else {
            throw Failure(
                .busy, "\(open) durable invocations wait or run already (max_open)",
                [.init("limit", String(settings.maxOpen))])
        }
        let most = Int(clamping: settings.maxSize)
        guard taken + count <= most / 2, all + count <= most else {
            throw Failure(
                .memory, "the inputs and results of durable invocations that are kept take too much room (max_size)",
                [.init("limit", String(most))])
        }
    }

    /// Whether an invocation of the tenant may begin now, before any that waits.
    private func takeSlot(_ tenant: String) -> Bool {
        guard admits(tenant) else { return false }
        return line.withLock { line in
            guard !line.isStopping, !line.hasReady, line.running < settings.running else { return false }
            line.takeSlot()
            return true
        }
    }

    private func enter(_ id: InvocationID, _ tenant: String, _ bytes: Int, _ begins: Bool, _ hold: MemoryHold) {
        metrics.accepted.add()
        if let shared { return shared.sweep.noteAccepted(tenant, bytes) }
        line.withLock { line in
            line.resize(tenant, by: bytes)
            line.add(id, tenant, hasSlot: begins, hold)
            if !begins { line.enqueue(id) }
        }
    }

    /// One that comes of a schedule.
    func enter(_ id: InvocationID, _ tenant: String, _ bytes: Int) {
        enter(id, tenant, bytes, false, Holds(pool).noting(tenant))
        wake()
    }
}

/// Charges for entries of the line.
struct Holds {
    private let pool: WorkerPool

    init(_ pool: WorkerPool) { self.pool = pool }

    func hold(_ tenant: String) throws(Failure) -> MemoryHold {
        let account = pool.budget.account(named: tenant)
        defer { account.close() }
        return try MemoryHold(Line.entryBytes, account, .durable)
    }

    func noting(_ tenant: String) -> MemoryHold {
        let account = pool.budget.account(named: tenant)
        defer { account.close() }
        return MemoryHold(noting: Line.entryBytes, account, .durable)
    }
}
