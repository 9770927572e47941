public import Failure
internal import Glibc
internal import Platform
public import PluginHost
internal import Synchronization
internal import Telemetry

/// One core's share of the node: an event loop, and engines to run functions with.
///
/// Two threads, pinned to the core, share two roles. The *leader* turns the event loop. Who holds the *permit* runs a
/// compute function, to completion. At low load the leader holds both: the thread that read a request runs its function
/// and writes the reply, without a hop. When a run takes long, or is not known to be short, the standby thread becomes
/// leader and the first one goes on as the core's compute engine until no task waits. What the core is for says which
/// tasks it takes. See Docs/decisions/0002 and 0007.
public final class Worker: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: what is not atomic belongs to the leader or to one thread, as each comment says.
    public let index: Int
    public let core: Int32?
    /// Used by the leader only; `post` by any thread.
    public let loop: EventLoop
    let roles = Roles()
    public let pool: WorkerPool
    private let kindCell: Atomic<UInt8>
    /// CLOCK_MONOTONIC ns up to which the leader looks for work instead of sleeping.
    private let awakeUntil = Atomic<UInt64>(0)
    private let looking = Atomic<Bool>(false)
    private let liveThreads = Atomic<Int>(0)
    /// Ports of communication backends; the leader's.
    private var ports: [CommPort] = []
    /// Failed with requests in flight, whose inputs they may still read; the leader's.
    private var brokenPorts: [CommPort] = []

    /// Postponed work is done in steps of about this length while nothing else is due, ns.
    private static let idleStep: UInt64 = 20_000
    /// Turns with events after which a communication engine runs a function all the same.
    private static let mostBusyTurns = 64
    /// As many events at once are a load that the monitor must see.
    private static let manyEvents = 4

    let meter: TurnMeter

    init(
        index: Int, core: Int32?, kind: CoreKind, pool: WorkerPool, measure: TurnMeter.Measure
    ) throws(SystemError) {
        self.index = index
        self.core = core
        self.pool = pool
        kindCell = Atomic(kind.rawValue)
        meter = TurnMeter(worker: index, measure: measure)
        loop = try EventLoop(meter: meter)
    }

    /// Starts both threads; each makes its engines for the backends of `preparing`, then `ready` is called on it.
    func start(preparing: Preparation, ready: @escaping @Sendable () -> Void) throws(SystemError) {
        for thread in 0..<2 {
            liveThreads.add(1, ordering: .acquiringAndReleasing)
            do {
                try Thread.start(name: "worker-\(index)\(thread == 0 ? "a" : "b")", core: core) {
                    // Not the worker, which a sandbox may outlive; nor weakly, which would make every count of its users slow.
                    let engines = ThreadEngines(core: self.core, budget: self.pool.budget) {
                        [loop = self.loop, roles = self.roles] in
                        loop.wake()
                        roles.wakeAll()
                    }
                    for backend in preparing.backends { engines.prepare(backend) }
                    while engines.idle(budget: Self.idleStep) {}
                    ready()
                    self.serve(as: thread, engines)
                    self.shutDown(engines)
                }
            } catch {
                liveThreads.subtract(1, ordering: .acquiringAndReleasing)
                throw error
            }
        }
    }

    var isRunning: Bool { liveThreads.load(ordering: .acquiring) > 0 }

    /// Queues a task. Leader only.
    public func submit(_ task: ComputeTask) {
        task.timeline.queued = Clock.now()
        stayAwake(for: task, since: task.timeline.queued)
        pool.queue.push(task)
    }

    /// The way to a communication backend from this worker. Leader only.
    public func port(for backend: CommBackend) throws(Failure) -> CommPort {
        for port in ports where port.reactor.backend === backend { return port }
        let port = try CommPort(backend: backend, worker: self)
        ports.append(port)
        return port
    }

    /// Ends the ports of generations that were replaced, once their requests have completed. Leader only.
    private func dropRetiredPorts() {
        ports.removeAll { $0.reactor.backend.isRetired && $0.endIfUnused() }
    }

    /// Gives up what is held of generations of plugins that were replaced, as far as it is not in use. Any thread.
    func dropRetired() {
        loop.post { self.dropRetiredPorts() }
        roles.wakeAll()
    }

    /// The port has failed: `port(for:)` makes a new one. Leader only.
    func giveUp(_ port: CommPort) {
        ports.removeAll { $0 === port }
        brokenPorts.append(port)
    }

    // MARK: What the core is for

    /// What the core is for at this moment. Any thread.
    public var kind: CoreKind { CoreKind(rawValue: kindCell.load(ordering: .sequentiallyConsistent)) ?? .both }

    /// Changes what the core is for: at once for its loop, after the running function for its engine. Monitor only.
    func become(_ kind: CoreKind) {
        guard kind != self.kind else { return }
        kindCell.store(kind.rawValue, ordering: .sequentiallyConsistent)
        // A loop that was vacant is about to get connections.
        if kind.communicates, let mark = roles.currentInlineRun { roles.takeLoop(fromRun: mark) }
        loop.wake()
    }

    // MARK: Threads

    private func serve(as me: Int, _ engines: ThreadEngines) {
        while !pool.isStopping {
            while !roles.isLeader(me) {
                if pool.isStopping { return }
                if !engines.idle(budget: Self.idleStep) { roles.park(me) }
            }
            lead(as: me, engines)
            guard !roles.isLeader(me) else { continue }
            computeUntilNoneWait(engines)
        }
    }

    /// Turns the loop and runs short functions until the loop is taken away; then this thread holds the permit.
    private func lead(as me: Int, _ engines: ThreadEngines) {
        var mayWait = false
        var busyTurns = 0
        while !pool.isStopping {
            if let task = takeTask(isQuiet: busyTurns % Self.mostBusyTurns == 0) {
                if !mayLead(during: task.function) {
                    roles.handOver(from: me)
                    run(task, engines)
                    return
                }
                guard runInline(task, as: me, engines) else { return }
                mayWait = false
                busyTurns = 0
                // Between two tasks come others' events; after the last one, the client that was answered.
                if couldTake { busyTurns = turn(mayWait: false) ? 1 : 0 } else { Thread.yield() }
                continue
            }
            busyTurns = turn(mayWait: mayWait) ? busyTurns + 1 : 0
            let rests = busyTurns == 0 && !couldTake
            let looks = looksOn(rests)
            mayWait = rests && !tidy(engines) && !looks
        }
    }

    /// Whether the leader may stay one while it runs the function: for a short time, or when there is nothing to lead.
    func mayLead(during function: ComputeFunction) -> Bool {
        function.isKnownShort || pool.hasOneCore && function.isKnownBrief || kind == .compute && loop.isVacant
    }

    /// - Returns: whether anything happened.
    private func turn(mayWait: Bool) -> Bool {
        let count = loop.turn(mayWait: mayWait) { !self.couldTake && !self.pool.isStopping }
        if count >= Self.manyEvents { pool.monitor.workBegins() }
        return count > 0
    }

    /// One step of postponed work, after whoever else waits for this core.
    /// - Returns: whether more is left.
    private func tidy(_ engines: ThreadEngines) -> Bool {
        Thread.yield()
        return engines.idle(budget: Self.idleStep)
    }

    /// Runs a task on the leader; false when the loop went to the other thread meanwhile.
    private func runInline(_ task: ComputeTask, as me: Int, _ engines: ThreadEngines) -> Bool {
        let mark = roles.beginInlineRun()
        pool.monitor.workBegins()
        engines.execute(task)
        let kept = roles.endInlineRun(mark, of: me)
        stayAwake(for: task, since: task.timeline.outputsTaken)
        if kept { roles.returnPermit() }
        if kept, task.owner === self {
            meter.start()
            meter.work = .outputs
            task.completion(task)
            meter.lap()
        } else {
            deliver(task)
        }
        return kept
    }

    /// Without the loop, with the permit: runs what waits, then gives the permit up.
    private func computeUntilNoneWait(_ engines: ThreadEngines) {
        repeat {
            while kind.computes, let task = pool.queue.pop(for: taker) { run(task, engines) }
            roles.returnPermit()
        } while kind.computes && hasTask && roles.takePermit()
        // The leader may have found the permit taken.
        if !kind.computes, hasTask { loop.wake() }
    }

    private func run(_ task: ComputeTask, _ engines: ThreadEngines) {
        pool.monitor.workBegins()
        engines.execute(task)
        stayAwake(for: task, since: task.timeline.outputsTaken)
        deliver(task)
    }

    private func deliver(_ task: ComputeTask) {
        task.owner.loop.post {
            task.owner.loop.begins(.outputs)
            task.completion(task)
        }
    }

    // MARK: Taking tasks

    /// What this worker can do for the queue at this moment.
    var taker: Taker {
        let kind = kind
        let takesLong =
            switch kind {
            case .compute: true
            case .communication: false
            // A long one would share this core with the loop.
            case .both: !pool.hasFreeEngine
            }
        return Taker(core: core, computes: kind.computes, takesLong: takesLong)
    }

    /// Whether a task waits that this worker could take.
    var hasTask: Bool { pool.queue.count > 0 && pool.queue.hasTask(for: taker) }

    private var couldTake: Bool { hasTask && !roles.isComputing }

    /// Takes a task together with the permit; asks other workers for help with what is left.
    ///
    /// A communication engine takes the only one that waits, which saves two hops at low load, and others when its loop is
    /// quiet.
    private func takeTask(isQuiet: Bool) -> ComputeTask? {
        let count = pool.queue.count
        guard count > 0 else { return nil }
        guard isQuiet || count == 1 || kind.computes, roles.takePermit() else {
            pool.callWorker()
            return nil
        }
        guard let task = pool.queue.pop(for: taker) else {
            roles.returnPermit()
            pool.callWorker()
            // It may wait for memory: the monitor sees that it does not do so in vain.
            pool.monitor.workBegins()
            return nil
        }
        if pool.queue.count > 0 { pool.callWorker() }
        return task
    }

    // MARK: Waiting

    /// Whether this worker sleeps with nothing to do.
    var isIdle: Bool { loop.isAsleep && !roles.isComputing }

    /// Whether this worker looks for tasks without sleeping.
    var isLooking: Bool { looking.load(ordering: .sequentiallyConsistent) && !roles.isComputing }

    /// The waiting policy of the task's class: who ran it looks for the next one, who queued it for its end.
    private func stayAwake(for task: ComputeTask, since now: UInt64) {
        let spin = task.function.spin
        if spin > 0 { awakeUntil.store(now &+ spin, ordering: .relaxed) }
    }

    /// Whether a worker that `rests` looks on instead of sleeping, by the policy of a recent task. Not while a function
    /// needs the core.
    private func looksOn(_ rests: Bool) -> Bool {
        let until = awakeUntil.load(ordering: .relaxed)
        guard until != 0 else { return false }
        let isPast = Clock.now() >= until
        let looks = rests && !isPast && !roles.isComputing
        looking.store(looks, ordering: .sequentiallyConsistent)
        if isPast { awakeUntil.store(0, ordering: .relaxed) }
        return looks
    }

    // MARK: End

    /// Wakes both threads, to see that the pool is stopping.
    func wakeAll() {
        loop.wake()
        roles.wakeAll()
    }

    private func shutDown(_ engines: ThreadEngines) {
        // Contexts go when replies are written or dropped, which the node has waited for; a bound all the same.
        for _ in 0..<1000 where !engines.shutDown() { usleep(1000) }
        if liveThreads.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            for port in ports + brokenPorts { port.shutDown() }
            ports = []
        }
    }
}
