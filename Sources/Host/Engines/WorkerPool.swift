public import Config
internal import Failure
public import Memory
public import Platform
public import PluginHost
internal import Synchronization
internal import Telemetry

/// All workers of the node, one per core, the queue of compute tasks between them, and what each core is for.
public final class WorkerPool: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `workers` and `onChange` are set before any thread starts; `controller` is the
    // monitor's.
    public private(set) var workers: [Worker] = []
    let queue: ComputeQueue
    /// Memory that everything under way shares.
    public let budget: MemoryBudget
    let monitor = Monitor()
    let control: ControlSettings
    private var controller: CoreController
    private var onChange: (@Sendable (Worker) -> Void)?
    private let stopping = Atomic<Bool>(false)

    /// One worker for each of `cores`; nil = one worker that is not pinned. `measure`: of the loops' turns.
    public init(
        cores: [Int32]?, control: ControlSettings = ControlSettings(), budget: MemoryBudget = MemoryBudget(),
        measure: TurnMeter.Measure = .elapsed
    ) throws(SystemError) {
        self.control = control
        self.budget = budget
        queue = ComputeQueue(budget: budget)
        let cores: [Int32?] = cores.map { $0.map(Optional.some) } ?? [nil]
        let split = CoreSplit(cores: cores.count)
        controller = CoreController(split: split, settings: control)
        queue.serve(by: split.compute)
        for (index, core) in cores.enumerated() {
            workers.append(
                try Worker(index: index, core: core, kind: split.kind(of: index), pool: self, measure: measure))
        }
        EngineMetrics.show(split)
        // Until `stop`, as workers know their pool.
        budget.whenReleased { self.callWorker() }
    }

    /// Has `action` called on each worker's loop after cores have changed their kinds. Before `start`.
    public func afterChange(_ action: @escaping @Sendable (Worker) -> Void) { onChange = action }

    /// Starts all threads and waits until each has its engines for `backends`.
    public func start(preparing backends: [ComputeBackend]) throws(SystemError) {
        let waiting = ReadyCount(workers.count * 2)
        let preparing = Preparation(backends)
        for worker in workers { try worker.start(preparing: preparing) { waiting.one() } }
        try monitor.start(watching: self)
        waiting.all()
        // Threads keep what they were started with; backends must be able to go before them.
        preparing.clear()
    }

    public var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Memory that sandboxes take, of functions and ready for them. Walks page tables: not on an event loop.
    public var sandboxBytes: Int { SandboxMemory.shared.residentBytes }

    /// Compute tasks that wait for an engine.
    public var queueLength: Int { queue.count }

    /// Cores on which a function runs.
    public var busyEngines: Int { workers.count { $0.roles.isComputing } }

    /// The longest time for which an event loop stayed with one event, timer or job, so far, in nanoseconds, and what it did.
    public var longestTurn: (time: UInt64, work: LoopWork) {
        let turns = LoopWork.allCases.map { (time: longestTurn($0), work: $0) }
        return turns.max { $0.time < $1.time } ?? (0, .job)
    }

    /// The longest of those that did that.
    public func longestTurn(_ work: LoopWork) -> UInt64 { workers.map { $0.meter.longest(work) }.max() ?? 0 }

    /// How long a compute task of the tenant that came now would wait for an engine, ns.
    public func expectedWait(of tenant: Tenant) -> UInt64 { queue.expectedWait(of: tenant) }

    /// Gives up what workers hold of generations of plugins that were replaced, soon and as far as it is not in use; to
    /// be repeated until nothing is held. Any thread.
    public func dropRetired() {
        for worker in workers { worker.dropRetired() }
    }

    /// Ends all threads and waits for them. Not from a worker's thread.
    public func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        budget.whenReleased {}
        monitor.stop()
        while workers.contains(where: { $0.isRunning }) {
            for worker in workers { worker.wakeAll() }
            Sleep.milliseconds(1)
        }
        workers = []
    }

    /// Sees to it that a worker looks at the queue: one that spins already does, else one that sleeps is woken.
    func callWorker() {
        // Cores that compute come last, and first here.
        for worker in workers.reversed() where worker.isLooking && worker.hasTask { return }
        for worker in workers.reversed() where worker.isIdle && worker.hasTask {
            worker.loop.wake()
            return
        }
    }

    var hasOneCore: Bool { workers.count == 1 }

    /// Whether a core that only computes runs no function: it is asleep, or looks at the queue before it sleeps.
    var hasFreeEngine: Bool { workers.contains { $0.kind == .compute && !$0.roles.isComputing } }

    // MARK: What cores are for. Monitor only.

    /// Whether functions run or wait, or events do.
    var hasWork: Bool {
        queue.count > 0 || workers.contains { $0.roles.isComputing || $0.loop.backlog > 0 }
    }

    /// Ends tasks that wait for memory in vain.
    func endHopeless(at now: UInt64) {
        for task in queue.takeHopeless(at: now) {
            task.timeline.dequeued = now
            task.result = .failure(
                Failure(
                    .busy,
                    "function '\(task.function.name)' may need \(task.function.memoryLimit) bytes of memory, and what is not "
                        + "held by functions that run leaves less of the node's \(budget.limit)",
                    [.init("function", task.function.name), .init("wanted", String(task.function.memoryLimit))]))
            task.owner.loop.post { task.completion(task) }
        }
    }

    /// Once in a control interval: lets the controller see the queues, and does what it decides.
    func balance() {
        let backlog = workers.reduce(0) { $0 + $1.loop.backlog }
        guard controller.step(QueueSample(compute: queue.count, communication: backlog)) else { return }
        apply(controller.split)
    }

    func apply(_ split: CoreSplit) {
        EngineMetrics.show(split)
        EngineMetrics.moves.add()
        queue.serve(by: split.compute)
        for worker in workers { worker.become(split.kind(of: worker.index)) }
        for worker in workers {
            worker.loop.post { [onChange] in onChange?(worker) }
        }
    }
}

/// What operators see of the split.
private enum EngineMetrics {
    static let compute = Metrics.shared.cell(
        "dandelion_engines_compute_cores", "Cores that run functions; one that serves both kinds counts in both.",
        .gauge)
    static let communication = Metrics.shared.cell(
        "dandelion_engines_communication_cores", "Cores that serve connections and requests to the outside.", .gauge)
    static let moves = Metrics.shared.cell(
        "dandelion_engines_core_moves_total", "Cores that changed their kind.")

    static func show(_ split: CoreSplit) {
        compute.set(split.compute)
        communication.set(split.communication)
    }
}

/// The backends that threads make engines for when they start.
final class Preparation: Sendable {
    private let list: Mutex<[ComputeBackend]>
    init(_ backends: [ComputeBackend]) { list = Mutex(backends) }
    var backends: [ComputeBackend] { list.withLock { $0 } }
    func clear() { list.withLock { $0 = [] } }
}

/// Lets one thread wait until a number of others have reported.
private final class ReadyCount: Sendable {
    private let left: Atomic<Int>
    private let parker = Parker()

    init(_ count: Int) { left = Atomic(count) }

    func one() {
        if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { parker.wake() }
    }

    func all() {
        while left.load(ordering: .acquiring) > 0 { parker.park() }
    }
}
