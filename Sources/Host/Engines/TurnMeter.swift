internal import Platform
internal import Synchronization
internal import Telemetry

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
    private let most = Atomic<UInt64>(0)
    private var mark: UInt64 = 0

    /// - Parameter worker: whose loop it is, for the metrics.
    public init(worker: Int, measure: Measure = .elapsed) {
        self.measure = measure
        turns = Metrics.shared.histogram(
            "dandelion_loop_turn_seconds", "How long an event loop stayed with one event, timer or job.",
            labels: ["worker": String(worker)])
    }

    /// The longest so far, in nanoseconds. Any thread.
    public var longest: UInt64 { most.load(ordering: .relaxed) }

    /// Something begins, after a pause that does not count.
    func start() { mark = now() }

    /// One thing is done and the next one begins.
    func lap() {
        let end = now()
        let took = end &- mark
        mark = end
        turns.record(nanoseconds: took)
        if took > most.load(ordering: .relaxed) { most.store(took, ordering: .relaxed) }
    }

    private func now() -> UInt64 {
        switch measure {
        case .elapsed: Clock.now()
        case .processor: Clock.threadCPU()
        }
    }
}
