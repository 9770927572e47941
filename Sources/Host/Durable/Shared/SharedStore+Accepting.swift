internal import Dispatcher
internal import Failure
internal import Items
internal import Platform
internal import PluginHost
internal import Values

/// How an invocation gets into the fleet's engine: its input, then the message, then what says that it is there. A message whose
/// invocation does not come was not accepted, and whoever gets it clears up.
extension SharedStore {
    func accept(_ new: Acceptance) throws(Failure) -> ChangeResult {
        let began = Clock.now()
        var known: SharedIdempotency?
        if let key = new.key {
            known = try find(key, of: new.order.owner)
            if let known, let result = try answer(known, key, new) { return result }
        }
        let input = SharedKey.input(new.id)
        _ = try put(input, try payloads.encode(new.input, as: input), .absent)
        if let key = new.key {
            do throws(Failure) { try claim(key, new, in: known?.revision) } catch {
                try? remove(input)
                guard error.kind == .conflict, let other = try find(key, of: new.order.owner),
                    let result = try answer(other, key, new)
                else { throw error }
                return result
            }
        }
        let shared = SharedInvocation(
            record: InvocationRecord(
                id: new.id, order: new.order, state: .waiting, attempts: 0, accepted: new.now, begun: 0, due: new.now,
                ended: 0, inputBytes: new.input.count, resultBytes: 0, exitCode: 0, timeline: .init()),
            ticket: Self.ticket())
        do throws(Failure) {
            try publish(shared)
            // Others clear up what does not come in time, by their own clocks.
            guard Clock.now() &- began < Self.longestAccepting / 3 else {
                throw Failure(
                    .unavailable, "the fleet's engine was too slow to accept the invocation; nothing was kept")
            }
        } catch {
            if let key = new.key { try? remove(SharedKey.key(key.text, of: new.order.owner)) }
            try? remove(input)
            throw error
        }
        _ = try write(shared, .absent)
        return .made
    }

    static func ticket() -> String { String(UInt64.random(in: 1...UInt64.max), radix: 36) }

    /// Has some node take it once it waits.
    func publish(_ shared: SharedInvocation) throws(Failure) {
        let queue = try queue(SharedKey.queue(of: shared.record.order.owner))
        let message = SharedMessage(shared, made: Clock.wall())
        try engine { _ throws(Failure) in
            try queue.publish(id: shared.ticket, message.json, timeout: Self.patience)
        }
    }

    // MARK: Idempotency keys

    private func find(_ key: IdempotencyKey, of owner: InvocationOwner) throws(Failure) -> SharedIdempotency? {
        guard let value = try get(SharedKey.key(key.text, of: owner)) else { return nil }
        return SharedIdempotency(value.bytes, value.revision)
    }

    /// What became of the request that used the key; nil: it is over, or was never accepted.
    private func answer(
        _ known: SharedIdempotency, _ key: IdempotencyKey, _ new: Acceptance
    ) throws(Failure) -> ChangeResult? {
        let now = Clock.wall()
        guard known.ends > now else { return nil }
        let isSame = known.fingerprint == String(decoding: key.fingerprint, as: UTF8.self)
        let end = Clock.now() &+ Self.patience
        while true {
            if try read(known.id, of: new.order.owner) != nil { return .existing(known.id, isSame: isSame) }
            // Results go earlier than their keys. The other node's clock may be ahead of this one's.
            let age = now - min(now, known.made)
            if age >= keep { return .existing(known.id, isSame: isSame) }
            if age > Self.longestAccepting { return nil }
            guard Clock.now() < end else {
                throw Failure(.unavailable, "another request with this Idempotency-Key is just being accepted")
            }
            Sleep.milliseconds(5)
        }
    }

    /// Nanoseconds after which a request that has its key and is not there was given up.
    static let longestAccepting: UInt64 = 10_000_000_000

    /// Takes away keys that mean nothing any more.
    func forgetKeys(endedBy now: UInt64) throws(Failure) {
        var old: [(key: String, revision: UInt64)] = []
        try each(below: SharedKey.keys) { key, value in
            if let known = SharedIdempotency(value.bytes, value.revision), known.ends <= now {
                old.append((key, value.revision))
            }
        }
        for (key, revision) in old {
            do throws(Failure) {
                try engine { engine throws(Failure) in
                    try engine.remove(.lasting, key, expected: .revision(revision), timeout: Self.patience)
                }
            } catch  where error.kind == .conflict {
                // It is used anew.
            }
        }
    }

    private func claim(_ key: IdempotencyKey, _ new: Acceptance, in revision: UInt64?) throws(Failure) {
        let mine = SharedIdempotency(
            id: new.id, fingerprint: String(decoding: key.fingerprint, as: UTF8.self), made: Clock.wall(),
            ends: new.keyEnd)
        _ = try put(
            SharedKey.key(key.text, of: new.order.owner), mine.json, revision.map { .revision($0) } ?? .absent)
    }
}

/// What the fleet's engine keeps of an Idempotency-Key.
struct SharedIdempotency: Sendable {
    var id: InvocationID
    var fingerprint: String
    /// Nanoseconds since 1970.
    var made: UInt64
    var ends: UInt64
    var revision: UInt64 = 0

    var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("id", "\(id)")
            json.member("fingerprint", fingerprint)
            json.member("made", Int(clamping: made))
            json.member("ends", Int(clamping: ends))
        }
        return json.bytes
    }

    init(id: InvocationID, fingerprint: String, made: UInt64, ends: UInt64) {
        (self.id, self.fingerprint, self.made, self.ends) = (id, fingerprint, made, ends)
    }

    init?(_ bytes: [UInt8], _ revision: UInt64) {
        guard let read = try? JSONReader.read(bytes: bytes), let id = read["id"]?.text.flatMap({ InvocationID($0) }),
            let fingerprint = read["fingerprint"]?.text, case .integer(let made)? = read["made"]?.kind,
            case .integer(let ends)? = read["ends"]?.kind
        else { return nil }
        self.init(id: id, fingerprint: fingerprint, made: UInt64(clamping: made), ends: UInt64(clamping: ends))
        self.revision = revision
    }
}
