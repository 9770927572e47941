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
/// leader and the first one goes on as the core's compute engine until no task waits. See Docs/decisions/0002.
public final class Worker: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: what is not atomic belongs to the leader or to one thread, as each comment says.
    public let index: Int
    public let core: Int32?
    /// For the leader, but for `post`.
    public let loop: EventLoop
    private let pool: WorkerPool
    private let leader = Atomic<Int>(0)
    /// Whether a thread of this worker runs a function.
    private let permit = Atomic<Bool>(false)
    /// Run counter << 1 | 1 while the leader runs a function. Changing it takes the loop away from that run.
    private let inlineRun = Atomic<UInt64>(0)
    private let parkers: [StandbyParker]
    private let liveThreads = Atomic<Int>(0)
    /// Ports of communication backends; the leader's.
    private var ports: [CommPort] = []
    /// Failed with requests in flight, whose inputs they may still read; the leader's.
    private var brokenPorts: [CommPort] = []

    /// Postponed work is done in steps of about this length while nothing else is due, ns.
    private static let idleStep: UInt64 = 20_000

    init(index: Int, core: Int32?, pool: WorkerPool) throws(SystemError) {
        self.index = index
        self.core = core
        self.pool = pool
        loop = try EventLoop()
        parkers = [StandbyParker(), StandbyParker()]
    }

    /// Starts both threads; each makes its engines for `backends`, then `ready` is called on it.
    func start(preparing backends: [ComputeBackend], ready: @escaping @Sendable () -> Void) throws(SystemError) {
        for thread in 0..<2 {
            liveThreads.add(1, ordering: .acquiringAndReleasing)
            do {
                try Thread.start(name: "worker-\(index)\(thread == 0 ? "a" : "b")", core: core) {
                    let engines = ThreadEngines(core: self.core)
                    for backend in backends { engines.prepare(backend) }
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
        pool.queue.push(task)
    }

    /// The way to a communication backend from this worker. Leader only.
    public func port(for backend: CommBackend) throws(Failure) -> CommPort {
        for port in ports where port.reactor.backend === backend { return port }
        let port = try CommPort(backend: backend, worker: self)
        ports.append(port)
        return port
    }

    /// The port has failed: `port(for:)` makes a new one. Leader only.
    func giveUp(_ port: CommPort) {
        ports.removeAll { $0 === port }
        brokenPorts.append(port)
    }

    // MARK: Threads

    private func serve(as me: Int, _ engines: ThreadEngines) {
        while !pool.isStopping {
            while leader.load(ordering: .acquiring) != me {
                if pool.isStopping { return }
                if !engines.idle(budget: Self.idleStep) { parkers[me].park() }
            }
            lead(as: me, engines)
            guard leader.load(ordering: .acquiring) != me else { continue }
            computeUntilNoneWait(engines)
        }
    }

    /// Turns the loop and runs short functions until the loop is taken away; then this thread holds the permit.
    private func lead(as me: Int, _ engines: ThreadEngines) {
        var mayWait = false
        while !pool.isStopping {
            if let task = takeTask() {
                if !task.function.isKnownShort {
                    handOver(from: me)
                    run(task, engines)
                    return
                }
                guard runInline(task, as: me, engines) else { return }
                mayWait = false
                // Between two tasks come others' events; after the last one, the client that was answered.
                if couldTake { _ = loop.turn(mayWait: false) { false } } else { Thread.yield() }
                continue
            }
            let happened = loop.turn(mayWait: mayWait) { !self.couldTake && !self.pool.isStopping }
            mayWait = !happened && !couldTake && !tidy(engines)
        }
    }

    /// One step of postponed work, after whoever else waits for this core.
    /// - Returns: whether more is left.
    private func tidy(_ engines: ThreadEngines) -> Bool {
        Thread.yield()
        return engines.idle(budget: Self.idleStep)
    }

    /// Runs a task on the leader; false when the loop went to the other thread meanwhile.
    private func runInline(_ task: ComputeTask, as me: Int, _ engines: ThreadEngines) -> Bool {
        let mark = inlineRun.load(ordering: .relaxed) | 1
        inlineRun.store(mark, ordering: .sequentiallyConsistent)
        pool.monitor.runBegins()
        engines.execute(task)
        let kept = inlineRun.compareExchange(
            expected: mark, desired: mark &+ 1, ordering: .sequentiallyConsistent
        ).exchanged
        guard kept else {
            // The monitor is about to name the other thread leader; until then this one must not look for its role.
            while leader.load(ordering: .acquiring) == me { Thread.yield() }
            deliver(task)
            return false
        }
        permit.store(false, ordering: .sequentiallyConsistent)
        if task.owner === self { task.completion(task) } else { deliver(task) }
        return true
    }

    /// Without the loop, with the permit: runs what waits, then gives the permit up.
    private func computeUntilNoneWait(_ engines: ThreadEngines) {
        repeat {
            while let task = pool.queue.pop(on: core) { run(task, engines) }
            permit.store(false, ordering: .sequentiallyConsistent)
        } while pool.queue.hasTask(for: core)
            && permit.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged
    }

    private func run(_ task: ComputeTask, _ engines: ThreadEngines) {
        engines.execute(task)
        deliver(task)
    }

    private func deliver(_ task: ComputeTask) {
        task.owner.loop.post { task.completion(task) }
    }

    // MARK: Roles

    private var couldTake: Bool {
        pool.queue.hasTask(for: core) && !permit.load(ordering: .sequentiallyConsistent)
    }

    /// Takes a task together with the permit; asks sleeping workers for help with what is left.
    private func takeTask() -> ComputeTask? {
        guard pool.queue.count > 0 else { return nil }
        guard permit.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged else {
            pool.wakeIdleWorker()
            return nil
        }
        guard let task = pool.queue.pop(on: core) else {
            permit.store(false, ordering: .sequentiallyConsistent)
            pool.wakeIdleWorker()
            return nil
        }
        if pool.queue.count > 0 { pool.wakeIdleWorker() }
        return task
    }

    private func handOver(from me: Int) {
        leader.store(1 - me, ordering: .releasing)
        parkers[1 - me].wake()
    }

    /// Whether this worker sleeps with nothing to do.
    var isIdle: Bool { loop.isAsleep && !permit.load(ordering: .sequentiallyConsistent) }

    /// The mark of the run that the leader is in, nil when it is in none. Any thread.
    var currentInlineRun: UInt64? {
        let mark = inlineRun.load(ordering: .sequentiallyConsistent)
        return mark & 1 == 1 ? mark : nil
    }

    /// Takes the loop from a leader that is still in run `mark`. Monitor only.
    func takeLoop(fromRun mark: UInt64) {
        let me = leader.load(ordering: .acquiring)
        guard
            inlineRun.compareExchange(expected: mark, desired: mark &+ 1, ordering: .sequentiallyConsistent).exchanged
        else { return }
        handOver(from: me)
    }

    // MARK: End

    /// Wakes both threads, to see that the pool is stopping.
    func wakeAll() {
        loop.wake()
        for parker in parkers { parker.wake() }
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

/// A parker behind a reference, because arrays hold no noncopyable values.
private final class StandbyParker: Sendable {
    private let parker = Parker()
    func park() { parker.park() }
    func wake() { parker.wake() }
}
