internal import CPlatform
internal import Failure
internal import Glibc
internal import Items
internal import Platform
internal import PluginABI
internal import PluginHost

/// Communication backends: what becomes of requests, whatever they hold.
let commChecks: [Check] = [
    Check("comm-protocols", .comm, "It offers at least one protocol, each with a name and signatures.") { subject in
        let rig = try CommRig(subject)
        for offered in rig.backend.protocols {
            try require(!offered.signatures.contains { $0.inputs.isEmpty }, "\(offered.name) has a call without inputs")
            try require(
                !offered.signatures.contains { $0.outputs.isEmpty }, "\(offered.name) has a call without outputs")
        }
        let again = try rig.watch.call("protocols") { try CommBackend(rig.backend.instance) }
        try require(again.protocols == rig.backend.protocols, "protocols gives another list the second time")
    },
    Check("comm-descriptor", .comm, "A reactor has a descriptor of its own for epoll(7), from its begin to its end.") {
        subject in
        let before = Set(ProcessState.openDescriptors())
        let rig = try CommRig(subject)
        try judgeDescriptor(of: rig.reactor, before)
        let second = try CommRig.reactor(of: rig.backend, rig.watch)
        try require(
            second.descriptor != rig.reactor.descriptor, "two reactors have one descriptor, \(second.descriptor)")
        let accepted = try rig.submit(1, [65], deadline: 2_000_000_000)
        try rig.complete(accepted ? [1] : [])
        try judgeDescriptor(of: rig.reactor, before)
        _ = rig.watch.call("reactor_destroy") { second.destroyIfUnused() }
        try judgeDescriptor(of: rig.reactor, before)
    },
    Check(
        "comm-readable", .comm, "A reactor's descriptor is readable whenever poll has something to do, wake included."
    ) {
        subject in
        let rig = try CommRig(subject)
        var watched = pollfd(fd: rig.reactor.descriptor, events: Int16(POLLIN), revents: 0)
        rig.wake()
        try require(Glibc.poll(&watched, 1, 2000) == 1, "it is not readable 2 s after wake")
        try rig.poll { _ in }
        var left: Set<UInt64> = []
        for (index, sample) in rig.samples(16).enumerated()
        where try rig.submit(UInt64(index + 1), sample, deadline: 1_000_000_000) { left.insert(UInt64(index + 1)) }
        if let first = left.first { rig.cancel(first) }
        let end = Clock.now() &+ 4_000_000_000
        while !left.isEmpty {
            // As the node does: nobody polls a reactor that does not ask for it.
            if Glibc.poll(&watched, 1, 100) == 1 { try rig.poll { left.remove($0.token) } }
            try require(
                Clock.now() < end,
                "\(left.count) requests did not end although poll was called whenever the descriptor was readable")
        }
    },
    Check("comm-exactly-once", .comm, "Each accepted request completes exactly once, a refused one never.") { subject in
        let rig = try CommRig(subject)
        var accepted: Set<UInt64> = []
        for (index, sample) in rig.samples(subject.rounds(200)).enumerated()
        where try rig.submit(UInt64(index + 1), sample, deadline: 2_000_000_000) { accepted.insert(UInt64(index + 1)) }
        try rig.complete(accepted)
    },
    Check("comm-cancel", .comm, "Cancelled requests complete once; cancelling unknown ones does nothing.") { subject in
        let rig = try CommRig(subject)
        rig.cancel(99)
        var accepted: Set<UInt64> = []
        for (index, sample) in rig.samples(subject.rounds(50)).enumerated()
        where try rig.submit(UInt64(index + 1), sample, deadline: 2_000_000_000) {
            accepted.insert(UInt64(index + 1))
            rig.cancel(UInt64(index + 1))
            rig.cancel(UInt64(index + 1))
        }
        try rig.complete(accepted)
        for token in accepted { rig.cancel(token) }
        rig.wake()
        try rig.complete([])
    },
    Check("comm-deadline", .comm, "A request whose deadline is over completes at once.") { subject in
        let rig = try CommRig(subject)
        var accepted: Set<UInt64> = []
        for (index, sample) in rig.samples(10).enumerated()
        where try rig.submit(UInt64(index + 1), sample, deadline: 1) { accepted.insert(UInt64(index + 1)) }
        try rig.complete(accepted)
    },
    Check("comm-leaks-nothing", .comm, "Reactors leave no descriptor, thread or signal handler behind.") { subject in
        let rig = try CommRig(subject)
        func once() throws {
            let reactor = try CommRig.reactor(of: rig.backend, rig.watch, maxInflight: 16)
            let isOver = rig.watch.call("reactor_destroy") { reactor.destroyIfUnused() }
            try require(isOver, "a reactor without requests is in use")
        }
        try once()
        let before = Resources.now()
        for _ in 0..<8 { try once() }
        try Resources.requireNoMore(than: before, after: "eight reactors")
    },
]

/// - Parameter before: what was open before the plugin was loaded.
private func judgeDescriptor(of reactor: CommReactor, _ before: Set<Int32>) throws {
    let descriptor = reactor.descriptor
    try require(!before.contains(descriptor), "descriptor \(descriptor) was open before and is not the reactor's own")
    var facts = stat()
    try require(fstat(descriptor, &facts) == 0, "descriptor \(descriptor) is closed")
    var nothing = epoll_event()
    let waiter = epoll_create1(0)
    defer { close(waiter) }
    let added = epoll_ctl(waiter, EPOLL_CTL_ADD, descriptor, &nothing)
    try require(added == 0, "epoll(7) does not take descriptor \(descriptor): \(String(cString: strerror(errno)))")
    try require(reactor.descriptorNow == descriptor, "reactor_fd gave \(descriptor), later \(reactor.descriptorNow)")
}
