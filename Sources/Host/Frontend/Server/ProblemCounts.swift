internal import Synchronization
internal import Telemetry

/// Counts what requests were answered with that failed, by kind.
enum ProblemCounts {
    private static let cells = Mutex<[String: Metrics.Cell]>([:])

    /// Kinds are the node's own words, some thirty.
    static func add(_ problem: Problem) {
        let cell = cells.withLock { cells in
            if let cell = cells[problem.kind] { return cell }
            let cell = Metrics.shared.cell(
                "dandelion_http_problems_total", "Requests that were answered with a problem, by its type.",
                labels: ["type": problem.kind])
            cells[problem.kind] = cell
            return cell
        }
        cell.add()
    }
}
