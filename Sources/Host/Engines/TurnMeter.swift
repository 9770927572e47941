internal import Platform
internal import Synchronization
internal import Telemetry

/// What an event loop was at during a turn, so that a long one tells its cause: the last of these that began in it.
public enum LoopWork: UInt8, CaseIterable, Sendable {
    /// A job that another thread has sent, of no kind below.
    case job
    case timer
    /// Connections are accepted.
    case accept
    /// Bytes of a connection are read, taken for requests, and written.
    case connection
    /// A request was read, and is refused, or begins.
    case request
    /// What an invocation is given was taken apart elsewhere: it begins.
    case begin
    /// A function has ended: its outputs go on to the next ones, or to the reply.
    case outputs
    /// A large set was taken apart, or put together, elsewhere.
    case sets
    /// An answer goes out that was made elsewhere.
    case reply
    /// A communication plugin has completed requests.
    case communication
    /// Connections that waited too long, or move, are gone through.
    case sweep

    /// As metrics name it.
    public var name: String { "\(self)" }
}

/// Measures how long an event loop stays with one thing, an event, a timer or a job, because all others wait meanwhile.
/// Started and lapped by the holder of the loop role.
public final class TurnMeter: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `mark` belongs to the holder of the loop role; the rest is atomic.
    public enum Measure: Sendable {
        /// Elapsed time: what others wait, also for a machine that is busy with something else.
        case elapsed
        /// CPU time of the thread: what the loop itself does.
        case processor
    }

    private let measure: Measure
    private let turns: Histogram
    // SAFETY: the pointer is fixed after init and names an atomic for each LoopWork until deinit.
    private let most: UnsafeMutablePointer<Atomic<UInt64>>
    private var mark: UInt64 = 0
    /// CLOCK_MONOTONIC ns at which what goes on began.
    private(set) var began: UInt64 = 0
    /// What goes on. Set by the holder of the loop role.
    var work = LoopWork.job

    /// - Parameter worker: whose loop it is, for the metrics.
    public init(worker: Int, measure: Measure = .elapsed) {
        self.measure = measure
        turns = Metrics.shared.histogram(
            "dandelion_loop_turn_seconds", "How long an event loop stayed with one event, timer or job.",
            labels: ["worker": String(worker)])
        most = .allocate(capacity: LoopWork.allCases.count)
        for index in LoopWork.allCases.indices { (most + index).initialize(to: Atomic(0)) }
    }

    deinit {
        most.deinitialize(count: LoopWork.allCases.count)
        most.deallocate()
    }

    /// The longest so far that ended with that work, in nanoseconds. Any thread.
    public func longest(_ work: LoopWork) -> UInt64 { most[Int(work.rawValue)].load(ordering: .relaxed) }

    /// Something begins, after a pause that does not count.
    func start() {
        began = Clock.now()
        mark = reading
    }

    /// One thing is done and the next one begins.
    func lap() {
        began = Clock.now()
        let end = reading
        let took = end &- mark
        mark = end
        turns.record(nanoseconds: took)
        let longest = most + Int(work.rawValue)
        if took > longest.pointee.load(ordering: .relaxed) { longest.pointee.store(took, ordering: .relaxed) }
        work = .job
    }

    private var reading: UInt64 {
        switch measure {
        case .elapsed: began
        case .processor: Clock.threadCPU()
        }
    }
}
