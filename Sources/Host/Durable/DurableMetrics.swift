internal import Failure
internal import Synchronization
internal import Telemetry

/// What operators see of durable invocations.
final class DurableMetrics: Sendable {
    let accepted = Metrics.shared.cell(
        "dandelion_durable_accepted_total", "Durable invocations that were kept.")
    let postponed = Metrics.shared.cell(
        "dandelion_durable_repeated_total", "Attempts that failed and are followed by another.")
    private let open = Metrics.shared.cell(
        "dandelion_durable_open", "Durable invocations that wait or run.", .gauge)
    private let running = Metrics.shared.cell("dandelion_durable_running", "Durable invocations that run.", .gauge)
    private let unwritten = Metrics.shared.cell(
        "dandelion_durable_unwritten_total", "Ends that could not be written at once.")
    private let ends = InvocationState.allCases.map { state in
        Metrics.shared.cell(
            "dandelion_durable_ended_total", "Durable invocations that ended, by how.", labels: ["state": state.name])
    }

    /// What this part has told so far: a node of a fleet has two, one for what its own schedules begin.
    private let toldOpen = Atomic<Int>(0)
    private let toldRunning = Atomic<Int>(0)

    func note(open count: Int, running number: Int) {
        open.add(count - toldOpen.exchange(count, ordering: .relaxed))
        running.add(number - toldRunning.exchange(number, ordering: .relaxed))
    }

    func ended(_ state: InvocationState) { ends[state.rawValue].add() }

    func unwritten(_ failure: Failure) {
        unwritten.add()
        Log.warning("durable invocations: an end waits to be written: \(failure.detail)")
    }
}
