internal import Platform
internal import PluginABI
internal import PluginHost

/// How a plugin uses the host's services, and on which threads.
let contractChecks: [Check] = [
    rule("host-in-probe", .probeServices, "A probe uses no service of the host but log and config."),
    rule("host-after-stop", .lifetime, "The host is not used after stop has returned, nor a probe's after the probe."),
    rule(
        "host-threads", .ownThreads, "Services are used on threads of the host only, not on ones that it made itself."),
    rule("metrics-in-start", .metricsInStart, "Metrics are defined by start, on the thread that runs it."),
    rule(
        "metrics-known", .metricsKnown, "Each metric has a right name, is defined once, and is added to by its own id."),
    rule(
        "signal-thread", .signalThread, "Signal handlers are attached on an engine's thread and detached on the same."),
    rule("signal-detached", .signalDetached, "Each signal handler is detached once, before its instance has stopped."),
    rule("signal-handler", .inHandler, "A signal handler uses no service of the host but kick."),
]

/// All of the rules in one life, as a trial has them.
let wholeContract = Check("host-services", .start, "The host's services are used as host.h says.") { subject in
    try live(subject)
    for rule in ContractRule.allCases {
        if let breach = subject.contract.breach(of: rule) { throw Violation(what: breach) }
    }
}

private func rule(_ id: String, _ rule: ContractRule, _ sentence: String) -> Check {
    Check(id, .start, sentence) { subject in
        try live(subject)
        if let breach = subject.contract.breach(of: rule) { throw Violation(what: breach) }
    }
}

/// One whole life, with control thread, engine thread and others apart. What the plugin is used for may go wrong: other
/// checks judge that.
private func live(_ subject: Subject) throws {
    guard try subject.probe().isUsable else { return }
    do {
        let instance = try subject.start()
        if subject.offers(DN_COMPUTE_1, instance) {
            try HostThread(subject.contract, "engine") { try? runFunctions(subject, instance) }.join()
        }
        if subject.offers(DN_COMM_1, instance) {
            try HostThread(subject.contract, "reactor") { try? makeRequests(subject, instance) }.join()
        }
        if subject.offers(DN_FLEET_1, instance) {
            try HostThread(subject.contract, "fleet") { try? FleetRig(subject, instance).useOnce() }.join()
        }
    }
    _ = try subject.probe()
    // For threads and jobs that go on after stop.
    Sleep.milliseconds(20)
}

private func runFunctions(_ subject: Subject, _ instance: PluginInstance) throws {
    let rig = try ComputeRig(subject, instance)
    rig.interrupt(rig.nextRun)
    _ = try rig.runOnce(try rig.image(.exits))
    let endless = try rig.image(.loops)
    let run = rig.nextRun
    let other = try HostThread(subject.contract, "interrupter") {
        Sleep.milliseconds(5)
        rig.interrupt(run)
    }
    defer { other.join() }
    _ = try rig.runOnce(endless, deadline: 15_000_000)
    _ = try rig.runOnce(try rig.image(.faults))
}

private func makeRequests(_ subject: Subject, _ instance: PluginInstance) throws {
    let rig = try CommRig(subject, instance)
    let (reactor, watch) = (rig.reactor, rig.watch)
    for token in 1...4 as ClosedRange<UInt64> where try rig.submit(token, [65], deadline: 1_000_000_000) {
        try HostThread(subject.contract, "canceller") { watch.call("cancel") { reactor.cancel(token) } }.join()
    }
    for _ in 0..<10 where reactor.inFlight > 0 {
        try reactor.poll { _ in }
        Sleep.milliseconds(2)
    }
}
