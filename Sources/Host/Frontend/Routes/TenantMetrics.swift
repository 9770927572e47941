internal import Dispatcher
internal import Engines
internal import Telemetry

/// What tenants used, as metrics: those of the config by name, so that clients cannot make up labels, all others together.
enum TenantMetrics {
    static func refresh(_ admission: Admission) {
        for (name, sums) in admission.usageByTenant() {
            let tenant = name ?? "(others)"
            func set(_ metric: String, _ help: String, _ value: some BinaryInteger, scale: Int = 1) {
                Metrics.shared.cell("dandelion_tenant_\(metric)", help, scale: scale, labels: ["tenant": tenant])
                    .set(Int(clamping: value))
            }
            set("invocations_total", "Invocations that were let in.", sums.invocations)
            set(
                "cpu_seconds_total", "Time for which functions, and what they need, held cores.", sums.coreTime,
                scale: 1_000_000_000)
            set(
                "memory_byte_seconds_total", "Memory limits of functions times the time for which they held cores.",
                sums.memoryByteSeconds)
            set("received_bytes_total", "Bodies of requests for invocations.", sums.received)
            set("sent_bytes_total", "Replies to invocations, and what communication functions sent.", sums.sent)
            set("outgoing_requests_total", "Requests of communication functions.", sums.outgoingRequests)
        }
    }
}
