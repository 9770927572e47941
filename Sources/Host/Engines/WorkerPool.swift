public import Platform
public import PluginHost
internal import Synchronization

/// All workers of the node, one per core, and the queue of compute tasks between them.
public final class WorkerPool: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `workers` is set once, before any thread starts.
    public private(set) var workers: [Worker] = []
    let queue = ComputeQueue()
    let monitor = Monitor()
    private let stopping = Atomic<Bool>(false)

    /// One worker for each of `cores`; nil = one worker that is not pinned.
    public init(cores: [Int32]?) throws(SystemError) {
        let cores: [Int32?] = cores.map { $0.map(Optional.some) } ?? [nil]
        for (index, core) in cores.enumerated() {
            workers.append(try Worker(index: index, core: core, pool: self))
        }
    }

    /// Starts all threads and waits until each has its engines for `backends`.
    public func start(preparing backends: [ComputeBackend]) throws(SystemError) {
        let waiting = ReadyCount(workers.count * 2)
        for worker in workers { try worker.start(preparing: backends) { waiting.one() } }
        try monitor.start(watching: workers)
        waiting.all()
    }

    public var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Compute tasks that wait for an engine.
    public var queueLength: Int { queue.count }

    /// Ends all threads and waits for them. Not from a worker's thread.
    public func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        monitor.stop()
        while workers.contains(where: { $0.isRunning }) {
            for worker in workers { worker.wakeAll() }
            Sleep.milliseconds(1)
        }
        workers = []
    }

    /// Wakes one worker that sleeps and may take a task.
    func wakeIdleWorker() {
        for worker in workers where worker.isIdle && queue.hasTask(for: worker.core) {
            worker.loop.wake()
            return
        }
    }
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
