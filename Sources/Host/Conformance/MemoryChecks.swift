internal import CConformance
internal import Failure
internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost

/// Memory that a plugin allocates, judged by pages without rights behind each block.
let memoryChecks: [Check] = [
    Check(
        "memory-bounds", .start, "Neither it nor the lengths that it tells reach beyond memory that it allocated."
    ) { subject in
        ck_note_objects()
        _ = try subject.load()
        let status = ck_watch_heap()
        guard status == 0 else { throw NotApplicable(why: "no watched heap: \(String(cString: strerror(status)))") }
        ck_arm_heap(true)
        defer { ck_arm_heap(false) }
        guard try subject.probe().isUsable else { return }
        var instance: PluginInstance? = try subject.start()
        if let instance, subject.offers(DN_COMM_1, instance) { try makeRequests(subject, instance) }
        if let instance, subject.offers(DN_COMPUTE_1, instance) { try runFunctions(subject, instance) }
        if let instance, subject.offers(DN_FLEET_1, instance) { try FleetRig(subject, instance).useOnce() }
        instance = nil
        ck_check_heap()
    }
]

private func makeRequests(_ subject: Subject, _ instance: PluginInstance) throws {
    let rig = try CommRig(subject, instance)
    rig.reactor.inspect = { ck_is_in_block($0, UInt64($1)) }
    var accepted: Set<UInt64> = []
    for (index, sample) in rig.samples(subject.rounds(64)).enumerated() {
        let token = UInt64(index + 1)
        _ = rig.watch.call("validate") { rig.backend.validate(rig.request(token, sample, deadline: 2_000_000_000)) }
        if try rig.submit(token, sample, deadline: 2_000_000_000) { accepted.insert(token) }
        if index % 8 == 7 { rig.cancel(token) }
    }
    try rig.complete(accepted)
}

private func runFunctions(_ subject: Subject, _ instance: PluginInstance) throws {
    do {
        let rig = try ComputeRig(subject, instance)
        let image = try rig.image(.exits)
        for _ in 0..<3 { _ = try rig.runOnce(image) }
        _ = rig.load(Array("no image".utf8))
    } catch is NotApplicable {}
}
