internal import Telemetry

/// What the fleet counts.
struct FleetMetrics: Sendable {
    let members = Metrics.shared.cell(
        "dandelion_fleet_members", "Nodes of the fleet that were heard of within a lease, this one included.", .gauge)
    let connected = Metrics.shared.cell(
        "dandelion_fleet_connected", "1 while the fleet's engine is reached and tells of this node.", .gauge)
    let passedOn = Metrics.shared.cell(
        "dandelion_fleet_passed_on_total", "Requests that were sent to another node to be run there.")
    let failedPasses = Metrics.shared.cell(
        "dandelion_fleet_failed_passes_total", "Requests that were sent to another node and got no answer.")
    let taken = Metrics.shared.cell("dandelion_fleet_taken_total", "Requests that came from another node.")
    let failedBeats = Metrics.shared.cell(
        "dandelion_fleet_failed_beats_total", "Times that the engine could not be told that this node is there.")
}
