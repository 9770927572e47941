internal import Failure
internal import Platform
internal import PluginABI
internal import PluginHost

/// The engine of a plugin, with keys and queues that nobody else uses.
final class FleetRig {
    let engine: FleetEngine
    private let subject: Subject
    /// Begins every key of this check.
    let prefix: String
    /// What one call may take, ns.
    static let time: UInt64 = 2_000_000_000

    convenience init(_ subject: Subject) throws { try self.init(subject, try subject.start()) }

    init(_ subject: Subject, _ instance: PluginInstance) throws {
        guard subject.offers(DN_FLEET_1, instance) else { throw NotApplicable(why: "it offers no \(DN_FLEET_1)") }
        self.subject = subject
        engine = try FleetEngine(instance)
        var random = SplitMix(state: subject.seed ^ Clock.now())
        prefix = "dn-check-\(String(random.next(), radix: 36))"
        // A trial reaches nobody.
        if subject.isTrial { subject.watch.withoutAim { Network.refuseConnections() } }
    }

    /// - Throws: `NotApplicable` when the engine does not answer.
    static func reaching(_ subject: Subject) throws -> FleetRig {
        let rig = try FleetRig(subject)
        let end = Clock.now() &+ time
        while true {
            do {
                _ = try rig.get("reach")
                return rig
            } catch let failure as Failure where failure.kind == .unavailable || failure.kind == .deadline {
                guard Clock.now() < end, !subject.isTrial else {
                    throw NotApplicable(why: "its engine is out of reach: \(failure.detail)")
                }
                Sleep.milliseconds(20)
            }
        }
    }

    /// Each kind of call once, for checks that look at what else becomes of it; whether the engine is there does not matter.
    func useOnce() {
        _ = try? engine.facts()
        _ = try? get("once")
        _ = try? put("once", "1", .whatever, in: .leased)
        try? remove("once", .whatever)
        if let watch = try? watch(below: prefix) { _ = try? next(watch) }
        guard let queue = try? queue() else { return }
        try? publish(queue, "1", "1")
        if let message = try? pull(queue, within: 100_000_000) { try? settle(queue, message, .done) }
    }

    private func call<R>(_ slot: StaticString, _ body: () throws -> R) throws -> R {
        try subject.watch.call(slot, body)
    }

    func key(_ name: String) -> String { "\(prefix).\(name)" }

    func get(_ name: String, in space: FleetEngine.Space = .lasting) throws -> FleetEngine.Value? {
        try call("get") { try engine.get(space, key(name), timeout: Self.time) }
    }

    @discardableResult
    func put(
        _ name: String, _ text: String, _ expected: FleetEngine.Expected, in space: FleetEngine.Space = .lasting
    ) throws -> UInt64 {
        try call("put") {
            try engine.put(space, key(name), Array(text.utf8), expected: expected, timeout: Self.time)
        }
    }

    func remove(_ name: String, _ expected: FleetEngine.Expected) throws {
        try call("remove") { try engine.remove(.lasting, key(name), expected: expected, timeout: Self.time) }
    }

    func watch(below path: String) throws -> FleetWatch {
        try call("watch_open") { try engine.watch(.lasting, below: path, timeout: Self.time) }
    }

    func next(_ watch: FleetWatch, within time: UInt64 = FleetRig.time) throws -> FleetEngine.Change? {
        try call("watch_next") { try watch.next(timeout: time) }
    }

    func queue() throws -> FleetQueue {
        try call("queue_open") { try engine.queue(prefix, timeout: Self.time) }
    }

    func publish(_ queue: FleetQueue, _ id: String, _ text: String) throws {
        try call("publish") { try queue.publish(id: "\(prefix)-\(id)", Array(text.utf8), timeout: Self.time) }
    }

    func pull(_ queue: FleetQueue, within time: UInt64 = FleetRig.time) throws -> FleetMessage? {
        try call("pull") { try queue.pull(timeout: time) }
    }

    func settle(_ queue: FleetQueue, _ message: FleetMessage, _ verdict: FleetQueue.Verdict) throws {
        try call("settle") { try queue.settle(message.token, verdict, timeout: Self.time) }
    }

    /// - Throws: `Violation` unless `body` is refused as `kind`.
    func requireRefused(_ kind: Failure.Kind, _ what: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as Failure {
            return try require(failure.kind == kind, "\(what) is answered with: \(failure.detail)")
        }
        throw Violation(what: "\(what) gave DN_OK")
    }
}
