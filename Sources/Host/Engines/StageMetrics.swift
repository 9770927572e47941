internal import PluginHost
internal import Synchronization
internal import Telemetry

/// Where the time of a class's functions goes, in histograms by backend and stage (paper, table 1).
public final class StageMetrics: Sendable {
    private final class Stages: Sendable {
        let backend: ObjectIdentifier
        let queue, load, input, run, output: Histogram

        init(_ backend: ObjectIdentifier, _ histogram: (String) -> Histogram) {
            self.backend = backend
            queue = histogram("queue")
            load = histogram("load")
            input = histogram("input")
            run = histogram("run")
            output = histogram("output")
        }
    }

    let className: String
    private let known = Mutex<[Stages]>([])
    private static let runs = Metrics.shared.cell(
        "dandelion_sandboxes_total", "Sandboxes that were made, one for each run of a compute function.")

    public init(className: String) { self.className = className }

    /// A task of the class went through a sandbox of `backend`, at least to the end of its run.
    func record(_ timeline: Timeline, on backend: ComputeBackend) {
        Self.runs.add()
        let stages = stages(of: backend)
        func record(_ histogram: Histogram, _ from: UInt64, _ to: UInt64) {
            if to >= from { histogram.record(nanoseconds: to - from) }
        }
        record(stages.queue, timeline.queued, timeline.dequeued)
        record(stages.load, timeline.dequeued, timeline.loaded)
        record(stages.input, timeline.loaded, timeline.inputsPlaced)
        record(stages.run, timeline.inputsPlaced, timeline.ran)
        record(stages.output, timeline.ran, timeline.outputsTaken)
    }

    private func stages(of backend: ComputeBackend) -> Stages {
        known.withLock { known in
            for stages in known where stages.backend == ObjectIdentifier(backend) { return stages }
            func histogram(_ stage: String) -> Histogram {
                Metrics.shared.histogram(
                    "dandelion_task_stage_seconds", "Stages of a compute function's run.",
                    labels: ["class": className, "backend": backend.name, "stage": stage])
            }
            let stages = Stages(ObjectIdentifier(backend), histogram)
            known.append(stages)
            return stages
        }
    }
}
