internal import Engines
internal import Memory
internal import Platform
internal import Synchronization
internal import Telemetry

/// The account of memory as metrics tell it. `dandelion_memory_bytes` of all kinds together is what the node should take of
/// the machine by its own account; `dandelion_memory_proportional_bytes` is what the kernel says that it takes.
final class MemoryMetrics: Sendable {
    private let limit = gauge("dandelion_memory_limit_bytes", "Memory that everything on the node's account may take.")
    private let runs = gauge("dandelion_memory_runs_bytes", "Of that, for running functions, by their limits.")
    private let data = gauge("dandelion_memory_data_bytes", "Of that, for bodies of requests, outputs and answers.")
    private let proportional = gauge(
        "dandelion_memory_proportional_bytes",
        "Memory of the node's process and its children, shared pages divided among those that share them.")
    private let kinds: [(kind: MemoryKind, cell: Metrics.Cell)] = MemoryKind.allCases.filter { !$0.isSandbox }.map {
        ($0, gauge("dandelion_memory_bytes", help, labels: ["kind": $0.name]))
    }
    private let sandboxes = gauge("dandelion_memory_bytes", help, labels: ["kind": "sandboxes"])
    private let program = gauge("dandelion_memory_bytes", help, labels: ["kind": "program"])
    /// What the node took when it had done nothing yet.
    private let programBytes = Atomic<Int>(0)

    private static let help =
        "Memory by what it is for; sandboxes: pages that functions touched or that are kept ready; program: when it began."

    private static func gauge(
        _ name: String, _ help: String, labels: KeyValuePairs<StaticString, String> = [:]
    ) -> Metrics.Cell {
        Metrics.shared.cell(name, help, .gauge, labels: labels)
    }

    /// Takes what the node takes now, beyond what is on the account, for what the program takes.
    func measureProgram(_ pool: WorkerPool) {
        refresh(pool)
        let account = kinds.reduce(sandboxes.current) { $0 + $1.cell.current }
        programBytes.store(max(0, proportional.current - account), ordering: .relaxed)
    }

    /// The account and the kernel's figure. They belong together only when little was taken and given back while the kernel
    /// was asked, so it is asked again when much was.
    private func compare(_ pool: WorkerPool) {
        var least = Int.max
        for _ in 0..<Self.attempts where least > Self.little {
            let before = account(pool)
            let bytes = ProportionalMemory.bytes
            let after = account(pool)
            let moved = zip(before, after).reduce(0) { $0 + abs($1.0 - $1.1) }
            guard moved < least else { continue }
            least = moved
            for (cell, count) in zip(kinds.map(\.cell) + [sandboxes], after) { cell.set(count) }
            if let bytes { proportional.set(bytes) }
        }
    }

    private static let attempts = 4
    /// Bytes.
    private static let little = 2 << 20

    /// Bytes of each kind, and of sandboxes.
    private func account(_ pool: WorkerPool) -> [Int] {
        kinds.map { pool.budget.used($0.kind) } + [pool.sandboxBytes]
    }

    /// Asks the kernel about page tables, which takes milliseconds.
    func refresh(_ pool: WorkerPool) {
        let budget = pool.budget
        limit.set(budget.limit)
        runs.set(budget.usedByRuns)
        data.set(budget.usedByData)
        program.set(programBytes.load(ordering: .relaxed))
        compare(pool)
        // Tenants that the config names, so that clients cannot make up labels.
        for (name, bytes) in budget.usedByTenant() {
            Self.gauge(
                "dandelion_tenant_memory_bytes",
                "Memory on the accounts of tenants: those of the config by name, all others together.",
                labels: ["tenant": name ?? "(others)"]
            ).set(bytes)
        }
    }
}
