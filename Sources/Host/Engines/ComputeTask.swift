public import Failure
public import Items
public import Memory
public import PluginHost
internal import Synchronization

/// When the stages of one task ended, CLOCK_MONOTONIC ns; 0 = not reached. After paper table 1.
public struct Timeline: Sendable {
    public var queued: UInt64 = 0
    public var dequeued: UInt64 = 0
    public var loaded: UInt64 = 0
    public var inputsPlaced: UInt64 = 0
    public var ran: UInt64 = 0
    public var outputsTaken: UInt64 = 0
    public init() {}
}

/// What one function left.
public struct ComputeOutput: Sendable {
    public var sets: [ItemSet]
    public var exitCode: Int32
}

/// A function as engines see it: image, limits and names.
public final class ComputeFunction: Sendable {
    public let name: String
    /// Gives the image, from the image cache or, when `fresh`, anew from where it is stored. Called on the engine's
    /// thread; may read a file. What loading takes is charged to the account.
    public let image: @Sendable (_ fresh: Bool, MemoryAccount) throws(Failure) -> ComputeImage
    /// Of its class.
    let stages: StageMetrics
    public var className: String { stages.className }
    /// Bytes that a context may hold.
    public let memoryLimit: UInt64
    public let inputNames: [Blob]
    public let outputNames: [Blob]
    /// Nanoseconds that one run may take, 0 = no limit.
    public let timeout: UInt64
    /// Whether the thread that read a request may run it.
    public let mayRunInline: Bool
    /// Nanoseconds that engines look for more work after a run before they sleep.
    let spin: UInt64
    /// CPUs that it may run on; empty = any.
    private let cores: [Int32]
    /// Moving average of its run time, ns; 0 before the first run. Decides who runs it.
    let typicalRunTime = Atomic<UInt64>(0)
    let snapshots: Snapshots?

    public init(
        name: String, stages: StageMetrics, memoryLimit: UInt64, timeout: UInt64, inputNames: [Blob],
        outputNames: [Blob],
        mayRunInline: Bool, cores: [Int32] = [], spin: UInt64 = 0, snapshots: Snapshots? = nil,
        image: @escaping @Sendable (_ fresh: Bool, MemoryAccount) throws(Failure) -> ComputeImage
    ) {
        self.name = name
        self.stages = stages
        self.image = image
        self.timeout = timeout
        self.mayRunInline = mayRunInline
        self.cores = cores
        self.spin = spin
        self.snapshots = snapshots
        self.memoryLimit = memoryLimit
        self.inputNames = inputNames
        self.outputNames = outputNames
    }

    /// Whether the thread that turns the loop may run it: it has run before, and its runs are short.
    var isKnownShort: Bool { isKnown(toTake: Self.longestInline) }

    /// Whether it may on a node of one core, where a hand-over buys no other core's help and costs more than the wait.
    var isKnownBrief: Bool { isKnown(toTake: Self.longestAlone) }

    private func isKnown(toTake longest: UInt64) -> Bool {
        let typical = typicalRunTime.load(ordering: .relaxed)
        return mayRunInline && typical != 0 && typical <= longest
    }

    var isBoundToCores: Bool { !cores.isEmpty }

    /// A worker that is not pinned may run everything.
    func mayRun(on core: Int32?) -> Bool {
        guard !cores.isEmpty, let core else { return true }
        return cores.contains(core)
    }

    private static let longestInline: UInt64 = 200_000
    private static let longestAlone: UInt64 = 2_000_000

    /// What a run costs its tenant, ns: with a sandbox, and a guess before the first run.
    var expectedTime: UInt64 {
        let typical = typicalRunTime.load(ordering: .relaxed)
        return typical == 0 ? 1_000_000 : max(typical, 10_000)
    }

    /// Instances of it that one invocation may have under way: enough to keep `engines` busy, and few enough that an
    /// invocation with very many does not hold up the others of its tenant.
    public func window(engines: Int) -> Int { isKnownShort ? max(64, engines * 8) : max(8, engines * 4) }

    func ran(for time: UInt64) {
        let before = typicalRunTime.load(ordering: .relaxed)
        typicalRunTime.store(before == 0 ? time : (before &* 7 &+ time) / 8, ordering: .relaxed)
    }
}

/// One run of a compute function: queued by its owner's loop, run by any worker, ended on its owner's loop.
public final class ComputeTask: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fields are written by the owner before it is queued, then by the thread that took
    // it from the queue, then read by the owner; the queue's lock and the loop's inbox order these. `running` has a lock.
    public let function: ComputeFunction
    public var inputs: [ItemSet]
    /// CLOCK_MONOTONIC ns, 0 = none.
    public let deadline: UInt64
    public internal(set) var timeline = Timeline()
    public internal(set) var result: Result<ComputeOutput, Failure> = .failure(Failure(.internal, "has not run"))
    /// Read the image anew.
    let fresh: Bool
    public let tenant: Tenant
    /// Nanoseconds that it may wait for an engine before it is turned away, 0 = any time.
    let patience: UInt64
    /// What its function usually takes, ns.
    let expectedTime: UInt64
    let owner: Worker
    /// Among the tasks of who submitted it, for whom it is.
    public var place = 0
    /// Called once, on the owner's loop.
    let completion: (ComputeTask) -> Void
    var attempts = 0
    /// Whose sandbox it went into.
    var backend: ComputeBackend?

    private struct Running {
        var cancelled = false
        var engine: ComputeEngine?
        var run: UInt64 = 0
    }
    private let running = Mutex(Running())

    /// `completion` is called once, on the loop of `owner`, which must be the calling worker.
    public init(
        function: ComputeFunction, inputs: [ItemSet], deadline: UInt64, fresh: Bool, tenant: Tenant,
        patience: UInt64 = 0, owner: Worker, completion: @escaping (ComputeTask) -> Void
    ) {
        self.function = function
        self.inputs = inputs
        self.deadline = deadline
        self.fresh = fresh
        self.tenant = tenant
        self.patience = patience
        expectedTime = function.expectedTime
        self.owner = owner
        self.completion = completion
    }

    /// Ends the task early, wherever it is; it still completes, as cancelled. Any thread.
    public func cancel() {
        running.withLock { state in
            state.cancelled = true
            // With the lock, so that `end` waits: after it the engine may be destroyed. An interrupt never blocks.
            state.engine?.interrupt(run: state.run, because: 0)
        }
    }

    /// Whether it has come into a sandbox. Any thread.
    public var hasBegun: Bool { running.withLock { $0.run != 0 } }

    /// Of the backend whose sandbox it went into; empty = it came to none.
    public var backendName: String { backend?.name ?? "" }

    var isCancelled: Bool { running.withLock { $0.cancelled } }

    /// Says that the next run of `engine` is this task's; false when it was cancelled before.
    func begin(on engine: ComputeEngine) -> Bool {
        running.withLock { state in
            guard !state.cancelled else { return false }
            state.engine = engine
            state.run = engine.nextRun
            return true
        }
    }

    func end() { running.withLock { $0.engine = nil } }
}
