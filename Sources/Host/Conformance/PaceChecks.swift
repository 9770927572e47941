internal import Platform
internal import PluginABI
internal import PluginHost

/// Calls that may not wait: the node makes them on threads that serve other requests.
let paceChecks: [Check] = [
    Check("comm-never-blocks", .comm, "submit, cancel, wake, validate and poll without a timeout do not wait.") {
        subject in
        let rig = try CommRig(subject)
        subject.watch.aim(at: .pace)
        var accepted: Set<UInt64> = []
        for (index, sample) in rig.samples(subject.rounds(32)).enumerated() {
            let token = UInt64(index + 1)
            let request = rig.request(token, sample, deadline: 1_000_000_000)
            _ = rig.watch.call("validate") { rig.backend.validate(request) }
            if try rig.submit(token, sample, deadline: 1_000_000_000) { accepted.insert(token) }
            if index % 2 == 0 { rig.cancel(token) }
            rig.wake()
            // One that waits tells so at once, not after all others.
            try subject.watch.requireNone()
        }
        try rig.complete(accepted)
    },
    Check("interrupt-never-blocks", .compute, "An interrupt does not wait, not for the run that it ends either.") {
        subject in
        let rig = try ComputeRig(subject)
        let (loops, exits) = (try rig.image(.loops), try rig.image(.exits))
        subject.watch.aim(at: .pace)
        let run = rig.nextRun
        let interrupter = try HostThread(subject.contract, "interrupter") {
            Sleep.milliseconds(5)
            rig.interrupt(run)
        }
        _ = try rig.runOnce(loops, deadline: 2_000_000_000)
        interrupter.join()
        rig.interrupt(rig.nextRun)
        _ = try rig.runOnce(exits)
        rig.interrupt(1)
    },
]
