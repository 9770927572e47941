internal import Failure
internal import Telemetry

/// What operators see of durable invocations.
struct DurableMetrics: Sendable {
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

    func note(open count: Int, running: Int) {
        open.set(count)
        self.running.set(running)
    }

    func ended(_ state: InvocationState) { ends[state.rawValue].add() }

    func unwritten(_ failure: Failure) {
        unwritten.add()
        Log.warning("durable invocations: an end waits to be written: \(failure.detail)")
    }
}
