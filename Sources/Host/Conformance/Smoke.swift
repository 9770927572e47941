internal import Failure
internal import Platform
internal import PluginABI
internal import PluginHost

/// A little work with a started instance: what a node has a child process try before it starts one itself.
func smoke(_ subject: Subject) throws {
    let instance = try subject.start()
    if subject.offers(DN_COMPUTE_1, instance) {
        do {
            let rig = try ComputeRig(subject)
            let result = try rig.runOnce(try rig.image(.exits))
            try require(result.outcome == DN_RUN_EXITED, "a function that leaves gave outcome \(result.outcome)")
        } catch is NotApplicable {}
    }
    if subject.offers(DN_COMM_1, instance) {
        let rig = try CommRig(subject)
        // A request that may be refused, and must otherwise end: nothing listens at its empty address.
        var accepted: Set<UInt64> = []
        if try rig.submit(1, [], deadline: 1_000_000_000) { accepted.insert(1) }
        try rig.complete(accepted)
    }
}
