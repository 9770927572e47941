internal import Dispatcher
internal import Engines
internal import Platform
internal import Registry
internal import Telemetry

/// Numbers that are looked up when somebody asks for them.
struct NodeMetrics: Sendable {
    private let queue = gauge("dandelion_queue_length", "Compute tasks that wait for an engine.")
    private let busy = gauge("dandelion_engines_busy", "Cores on which a function runs.")
    let memory = MemoryMetrics()
    private let resident = gauge("dandelion_process_resident_bytes", "Resident memory of the node's process.")
    private let cpu = Metrics.shared.cell(
        "dandelion_process_cpu_seconds_total", "CPU time of the node's process, without its helper processes.",
        scale: 1_000_000)
    private let turns = LoopWork.allCases.map {
        (
            work: $0,
            cell: Metrics.shared.cell(
                "dandelion_loop_longest_turn_seconds",
                "The longest of the turns that dandelion_loop_turn_seconds counts, by what the loop did.", .gauge,
                scale: 1_000_000_000, labels: ["work": $0.name])
        )
    }

    private static func gauge(_ name: String, _ help: String) -> Metrics.Cell {
        Metrics.shared.cell(name, help, .gauge)
    }

    private static func showReadiness(of catalogue: Catalogue) {
        for (name, isReady) in catalogue.readiness() {
            Metrics.shared.cell(
                "dandelion_class_ready", "1 when functions of the class can run, 0 when its backends cannot.", .gauge,
                labels: ["class": name]
            ).set(isReady ? 1 : 0)
        }
    }

    private static func showVersions(of catalogue: Catalogue) {
        let versions = catalogue.imageVersions
        for name in ["first", "best", "stays"] {
            Metrics.shared.cell(
                "dandelion_image_versions",
                "Loaded images that their backends make better while they serve, by what they run now.", .gauge,
                labels: ["version": name]
            ).set(versions[name] ?? 0)
        }
    }

    func refresh(_ pool: WorkerPool, _ catalogue: Catalogue, _ admission: Admission) {
        TenantMetrics.refresh(admission)
        Self.showReadiness(of: catalogue)
        Self.showVersions(of: catalogue)
        queue.set(pool.queueLength)
        busy.set(pool.busyEngines)
        memory.refresh(pool)
        resident.set(ProcessUse.residentBytes)
        cpu.set(ProcessUse.cpuMicroseconds)
        for (work, cell) in turns { cell.set(Int(clamping: pool.longestTurn(work))) }
    }
}
