internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginABI
internal import PluginHost

/// Communication backends: what becomes of requests, whatever they hold.
let commChecks: [Check] = [
    Check("comm-protocols", .comm, "It offers at least one protocol, each with a name and signatures.") { subject in
        let rig = try CommRig(subject)
        for offered in rig.backend.protocols {
            try require(!offered.signatures.contains { $0.inputs.isEmpty }, "\(offered.name) has a call without inputs")
        }
    },
    Check("comm-descriptor", .comm, "A reactor has a descriptor of its own for epoll.") { subject in
        let rig = try CommRig(subject)
        try require(rig.reactor.descriptor >= 0, "reactor_fd gave \(rig.reactor.descriptor)")
    },
    Check("comm-exactly-once", .comm, "Each accepted request completes exactly once, a refused one never.") { subject in
        let rig = try CommRig(subject)
        var random = subject.random
        var accepted: Set<UInt64> = []
        for token in 1...200 as ClosedRange<UInt64> {
            let length = Int.random(in: 0...300, using: &random)
            let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            if try rig.submit(token, noise, deadline: 2_000_000_000) { accepted.insert(token) }
        }
        try rig.complete(accepted)
    },
    Check("comm-cancel", .comm, "Cancelled requests complete once; cancelling unknown ones does nothing.") { subject in
        let rig = try CommRig(subject)
        rig.reactor.cancel(99)
        var accepted: Set<UInt64> = []
        for token in 1...50 as ClosedRange<UInt64> where try rig.submit(token, [], deadline: 2_000_000_000) {
            accepted.insert(token)
            rig.reactor.cancel(token)
            rig.reactor.cancel(token)
        }
        try rig.complete(accepted)
        for token in accepted { rig.reactor.cancel(token) }
        rig.reactor.wake()
        try rig.complete([])
    },
    Check("comm-deadline", .comm, "A request whose deadline is over completes at once.") { subject in
        let rig = try CommRig(subject)
        var accepted: Set<UInt64> = []
        for token in 1...10 as ClosedRange<UInt64> where try rig.submit(token, [65], deadline: 1) {
            accepted.insert(token)
        }
        try rig.complete(accepted)
    },
    Check("comm-leaks-nothing", .comm, "Reactors leave no descriptor, thread or signal handler behind.") { subject in
        let rig = try CommRig(subject)
        func once() throws {
            let reactor = try CommReactor(backend: rig.backend, core: nil, maxInflight: 16)
            try require(reactor.destroyIfUnused(), "a reactor without requests is in use")
        }
        try once()
        let before = Resources.now()
        for _ in 0..<8 { try once() }
        try Resources.requireNoMore(than: before, after: "eight reactors")
    },
]

/// One reactor of the plugin.
final class CommRig {
    let backend: CommBackend
    let reactor: CommReactor
    /// Of a tenant, for whom requests are.
    let account: MemoryAccount

    convenience init(_ subject: Subject) throws { try self.init(subject, try subject.start()) }

    init(_ subject: Subject, _ instance: PluginInstance) throws {
        guard subject.offers(DN_COMM_1, instance) else { throw NotApplicable(why: "it offers no \(DN_COMM_1)") }
        backend = try CommBackend(instance)
        account = subject.memory.account(named: "tenant")
        reactor = try CommReactor(backend: backend, core: nil, maxInflight: 1024)
    }

    deinit { _ = reactor.destroyIfUnused() }

    /// Whether the plugin took it. `deadline` is nanoseconds from now.
    func submit(_ token: UInt64, _ bytes: [UInt8], deadline: UInt64, maxResponse: UInt64 = 1 << 20) throws -> Bool {
        let request = request(token, bytes, deadline: deadline, maxResponse: maxResponse)
        do throws(Failure) { try reactor.submit(request) } catch { return false }
        return true
    }

    func request(_ token: UInt64, _ bytes: [UInt8], deadline: UInt64, maxResponse: UInt64 = 1 << 20) -> CommRequest {
        CommRequest(
            token: token, protocol: 0, signature: 0,
            inputs: backend.protocols[0].signatures[0].inputs.map { _ in Blob(bytes) },
            deadline: Clock.now() &+ deadline, maxResponse: maxResponse, account: account)
    }

    /// Drives the reactor until each token has completed, and a while longer: a second completion would come then.
    func complete(_ tokens: Set<UInt64>, told: (CommCompletion) -> Void = { _ in }) throws {
        var left = tokens
        let end = Clock.now() &+ 5_000_000_000
        var quiet = 0
        while quiet < 50 {
            try reactor.poll {
                left.remove($0.token)
                told($0)
            }
            if left.isEmpty { quiet += 1 }
            try require(Clock.now() < end, "\(left.count) of \(tokens.count) accepted requests never completed")
            Sleep.milliseconds(1)
        }
        if let breach = reactor.breach { throw Violation(what: breach) }
    }
}
