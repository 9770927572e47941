internal import Failure
internal import Fleet
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Synchronization
internal import Values

/// Durable invocations of a fleet, in its engine. What changes an invocation names the revision that it was read at, so that of two
/// nodes one does; a node changes what it runs by what it knows of it. Any thread; every call may wait.
final class SharedStore: InvocationArchive, Sendable {
    let place: FleetPlace
    let payloads: SharedPayloads
    /// Nanoseconds for which results are kept.
    let keep: UInt64
    /// What this node runs.
    let held = Mutex<[InvocationID: Held]>([:])
    private let queues = Mutex<[Int: FleetQueue]>([:])
    /// Of one call to the engine, ns.
    static let patience: UInt64 = 2_000_000_000

    /// An invocation that this node has taken.
    struct Held: Sendable {
        var shared: SharedInvocation
        /// Of `shared`.
        var revision: UInt64
        let queue: FleetQueue
        /// Of its message.
        var token: UInt64
        /// Of its requests that the engine knows, by place.
        var effects: [String: UInt64] = [:]
    }

    init(_ place: FleetPlace, _ folder: PayloadFolder, keep: UInt64) {
        self.place = place
        self.keep = keep
        payloads = SharedPayloads(folder, place)
    }

    // MARK: The engine

    func engine<R>(_ body: (FleetEngine) throws(Failure) -> R) throws(Failure) -> R {
        do throws(Failure) { return try body(try place.joined().engine) } catch {
            guard error.kind == .unavailable || error.kind == .deadline else { throw error }
            throw Failure(
                .unavailable, "the fleet's engine, which keeps durable invocations, is out of reach: \(error.detail)")
        }
    }

    func queue(_ index: Int) throws(Failure) -> FleetQueue {
        if let known = queues.withLock({ $0[index] }) { return known }
        let made = try engine { engine throws(Failure) in
            try engine.queue(SharedKey.queue(index), timeout: Self.patience)
        }
        return queues.withLock { queues in
            if let known = queues[index] { return known }
            queues[index] = made
            return made
        }
    }

    func get(_ key: String) throws(Failure) -> FleetEngine.Value? {
        try engine { engine throws(Failure) in try engine.get(.lasting, key, timeout: Self.patience) }
    }

    /// Puts a value; one whose answer was lost is looked for.
    /// - Throws: `.conflict` when somebody else has changed the key.
    func put(_ key: String, _ value: [UInt8], _ expected: FleetEngine.Expected) throws(Failure) -> UInt64 {
        do throws(Failure) {
            return try place.joined().engine.put(.lasting, key, value, expected: expected, timeout: Self.patience)
        } catch {
            guard [.conflict, .deadline, .unavailable].contains(error.kind) else { throw error }
            if let now = try get(key), now.bytes == value { return now.revision }
            if error.kind == .conflict { throw error }
            throw Failure(.unavailable, "the fleet's engine does not answer: \(error.detail)")
        }
    }

    func remove(_ key: String) throws(Failure) {
        try engine { engine throws(Failure) in
            try engine.remove(.lasting, key, expected: .whatever, timeout: Self.patience)
        }
    }

    /// All values below a prefix.
    func each(below prefix: String, _ body: (String, FleetEngine.Value) -> Void) throws(Failure) {
        try engine { engine throws(Failure) in
            let watch = try engine.watch(.lasting, below: prefix, timeout: Self.patience)
            while true {
                switch try watch.next(timeout: Self.patience) {
                case .put(let key, let value)?: body(key, value)
                case .removed?: break
                case .current?: return
                case nil: throw Failure(.deadline, "it does not tell what there is in time")
                }
            }
        }
    }

    func read(_ id: InvocationID, of owner: InvocationOwner) throws(Failure) -> (
        shared: SharedInvocation, revision: UInt64
    )? {
        guard let value = try get(SharedKey.invocation(id, of: owner)) else { return nil }
        guard let shared = SharedInvocation(value.bytes) else {
            throw Failure(.internal, "what the fleet's engine holds of the invocation \(id) is damaged")
        }
        return (shared, value.revision)
    }

    func write(_ shared: SharedInvocation, _ expected: FleetEngine.Expected) throws(Failure) -> UInt64 {
        try put(SharedKey.invocation(shared.record.id, of: shared.record.order.owner), shared.json, expected)
    }

    // MARK: Reading

    func record(_ id: InvocationID, of owner: InvocationOwner?) throws(Failure) -> InvocationRecord? {
        guard let owner else { return held.withLock { $0[id]?.shared.record } }
        return try read(id, of: owner)?.shared.record
    }

    func records(_ filter: RecordFilter) throws(Failure) -> [InvocationRecord] {
        var found: [InvocationRecord] = []
        func shorten() {
            found.sort { $1.id < $0.id }
            found.removeLast(max(0, found.count - filter.limit))
        }
        try each(below: SharedKey.invocations(of: filter.owner)) { _, value in
            guard let record = SharedInvocation(value.bytes)?.record, record.order.owner == filter.owner,
                filter.state == nil || record.state == filter.state,
                filter.name == nil || record.order.name == filter.name,
                filter.before.map({ record.id < $0 }) ?? true
            else { return }
            found.append(record)
            if found.count > 2 * filter.limit { shorten() }
        }
        shorten()
        return found
    }

    func payload(
        _ payload: Payload, of record: InvocationRecord, _ account: MemoryAccount
    ) throws(Failure) -> Blob? {
        let key = payload == .input ? SharedKey.input(record.id) : SharedKey.result(record)
        guard let value = try get(key) else { return nil }
        return try payloads.decode(value.bytes[...], key, account)
    }

    func steps(of id: InvocationID) throws(Failure) -> [StoredStep] {
        // Of what has begun for the first time there are none.
        if let known = held.withLock({ $0[id] }), !known.shared.hasSteps { return [] }
        return try effects(of: id).values.map(\.value.step).sorted { $0.place < $1.place }
    }

    func outcome(of id: InvocationID, at place: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        let key = SharedKey.effect(id, at: place)
        guard let value = try get(key), let effect = SharedEffect(value.bytes), let outcome = effect.outcome else {
            return nil
        }
        return try payloads.decode(outcome[...], key, account)
    }

    /// By key, with revisions.
    func effects(of id: InvocationID) throws(Failure) -> [String: (value: SharedEffect, revision: UInt64)] {
        var found: [String: (value: SharedEffect, revision: UInt64)] = [:]
        try each(below: SharedKey.effects(of: id)) { key, value in
            if let effect = SharedEffect(value.bytes) { found[key] = (effect, value.revision) }
        }
        held.withLock { held in
            for effect in found.values { held[id]?.effects[effect.value.step.place] = effect.revision }
        }
        return found
    }
}

/// A request of an invocation as the fleet's engine keeps it: a line of JSON, then what `SharedPayloads` makes of the answer.
struct SharedEffect: Sendable {
    var step: StoredStep
    var outcome: [UInt8]?
    /// Tells who wrote it from another attempt that intends the same: `put` believes that equal bytes are its own.
    private let writer: String

    init(_ step: StoredStep, outcome: [UInt8]?) {
        writer = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        self.step = step
        self.step.hasOutcome = outcome != nil
        self.outcome = outcome
    }

    var bytes: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("place", step.place)
            json.member("digest", step.digest)
            json.member("function", step.function)
            json.member("item", step.item)
            json.member("doubted", step.isDoubted ? 1 : 0)
            json.member("writer", writer)
        }
        return json.bytes + [0x0a] + (outcome ?? [])
    }

    /// Nil for what no node wrote.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x0a), let read = try? JSONReader.read(bytes: Array(bytes[..<end])),
            let place = read["place"]?.text
        else { return nil }
        var isDoubted = false
        if case .integer(let number)? = read["doubted"]?.kind { isDoubted = number != 0 }
        writer = read["writer"]?.text ?? ""
        let rest = bytes[(end + 1)...]
        outcome = rest.isEmpty ? nil : Array(rest)
        step = StoredStep(
            place: place, digest: read["digest"]?.text ?? "", function: read["function"]?.text ?? "",
            item: read["item"]?.text ?? "", hasOutcome: !rest.isEmpty, isDoubted: isDoubted)
    }
}
