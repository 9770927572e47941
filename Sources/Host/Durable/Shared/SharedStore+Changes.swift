internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Synchronization
internal import Telemetry

/// One change each. What the attempt that this node runs changes is refused when another node has the invocation.
extension SharedStore {
    func make(_ change: Change) throws(Failure) -> ChangeResult {
        switch change {
        case .accept(let acceptance): try accept(acceptance)
        case .end(let id, let ending): try end(id, ending)
        case .postpone(let id, let ending, let due): try postpone(id, ending, due)
        case .giveBack(let id): try giveBack(id)
        case .intend(let id, let step): try intend(id, step)
        case .settle(let id, let step, let outcome): try settle(id, step, outcome)
        case .retract(let id, let place): try retract(id, place)
        case .doubt(let id, let place): try doubt(id, place)
        case .decide(let record, let place, let decision, let due): try decide(record, place, decision, due)
        case .cancel(let record, let now): try cancel(record, now)
        case .reopen(let record, let due): try reopen(record, due)
        case .begin, .putSchedule, .removeSchedule, .fire, .expire:
            throw Failure(.internal, "the fleet's engine keeps no such thing")
        }
    }

    // MARK: What this node runs

    private func end(_ id: InvocationID, _ ending: Ending) throws(Failure) -> ChangeResult {
        guard let mine = held.withLock({ $0[id] }) else { return .unchanged }
        var ended = mine.shared
        ended.record.end(ending)
        if ending.state == .done {
            let key = SharedKey.result(ended.record)
            _ = try put(key, try payloads.encode(ending.result, as: key), .whatever)
            ended.record.resultBytes = ending.result.count
        }
        do throws(Failure) { _ = try write(ended, .revision(mine.revision)) } catch {
            guard error.kind == .conflict else { throw error }
            drop(id)
            if ending.state == .done { try? remove(SharedKey.result(ended.record)) }
            return .unchanged
        }
        // What has a result is not run again.
        if ending.state == .done {
            try? remove(SharedKey.input(id))
            for place in mine.effects.keys { try? remove(SharedKey.effect(id, at: place)) }
        }
        finish(id, .done)
        return .resized(0)
    }

    private func postpone(_ id: InvocationID, _ ending: Ending, _ due: UInt64) throws(Failure) -> ChangeResult {
        try wait(id, due) { shared in
            shared.record.end(ending)
            shared.record.state = .waiting
            shared.record.ended = 0
            shared.record.due = due
        }
    }

    private func giveBack(_ id: InvocationID) throws(Failure) -> ChangeResult {
        try wait(id, 0) { shared in
            shared.record.state = .waiting
            shared.record.attempts -= 1
        }
    }

    /// It waits again, for any node.
    private func wait(
        _ id: InvocationID, _ due: UInt64, _ change: (inout SharedInvocation) -> Void
    ) throws(Failure) -> ChangeResult {
        guard let mine = held.withLock({ $0[id] }) else { return .unchanged }
        var waiting = mine.shared
        change(&waiting)
        waiting.hasSteps = waiting.hasSteps || !mine.effects.isEmpty || waiting.record.attempts > 0
        do throws(Failure) { _ = try write(waiting, .revision(mine.revision)) } catch {
            guard error.kind == .conflict else { throw error }
            drop(id)
            return .unchanged
        }
        let now = Clock.wall()
        finish(id, .again(due > now ? due - now : 0))
        return .made
    }

    /// This node has nothing to do with it any more; its message is somebody else's.
    func drop(_ id: InvocationID) { held.withLock { $0[id] = nil } }

    private func finish(_ id: InvocationID, _ verdict: FleetQueue.Verdict) {
        guard let mine = held.withLock({ $0.removeValue(forKey: id) }) else { return }
        // When it fails the message comes again, and whoever gets it sees how things are.
        try? mine.queue.settle(mine.token, verdict, timeout: Self.patience)
    }

    // MARK: What anybody asks for

    /// Changes what is there as long as `change` finds that it may.
    private func alter(
        _ record: InvocationRecord, before: (SharedInvocation) throws(Failure) -> Void = { _ in },
        _ change: (inout SharedInvocation) -> Bool
    ) throws(Failure) -> Bool {
        for _ in 0..<8 {
            guard let (found, revision) = try read(record.id, of: record.order.owner) else { return false }
            var shared = found
            guard change(&shared) else { return false }
            do throws(Failure) {
                try before(shared)
                _ = try write(shared, .revision(revision))
                return true
            } catch {
                guard error.kind == .conflict else { throw error }
            }
        }
        throw Failure(.unavailable, "the invocation \(record.id) is being changed by others")
    }

    private func cancel(_ record: InvocationRecord, _ now: UInt64) throws(Failure) -> ChangeResult {
        let isMade = try alter(record) { shared in
            guard shared.record.state.isOpen || shared.record.state == .uncertain else { return false }
            shared.record.state = .cancelled
            shared.record.ended = now
            shared.record.failure = Failure(.cancelled, "the invocation was cancelled")
            return true
        }
        if isMade { finish(record.id, .done) }
        return isMade ? .made : .unchanged
    }

    private func reopen(_ record: InvocationRecord, _ due: UInt64) throws(Failure) -> ChangeResult {
        let isMade = try queueAnew(record, due, from: [.failed, .cancelled, .dead])
        return isMade ? .made : .unchanged
    }

    /// One that had ended waits again, with all its attempts.
    private func queueAnew(
        _ record: InvocationRecord, _ due: UInt64, from states: Set<InvocationState>
    ) throws(Failure) -> Bool {
        // The message first: one that is taken before the invocation waits is given back.
        try alter(record, before: { shared throws(Failure) in try publish(shared) }) { shared in
            guard states.contains(shared.record.state) else { return false }
            shared.record.state = .waiting
            shared.record.attempts = 0
            shared.record.ended = 0
            shared.record.due = due
            shared.ticket = Self.ticket()
            shared.hasSteps = true
            return true
        }
    }

    private func decide(
        _ record: InvocationRecord, _ place: String?, _ decision: Decision, _ due: UInt64
    ) throws(Failure) -> ChangeResult {
        guard try read(record.id, of: record.order.owner)?.shared.record.state == .uncertain else { return .unchanged }
        let undecided = try effects(of: record.id).filter { $0.value.value.step.isUndecided }
        let meant = undecided.filter { place == nil || $0.value.value.step.place == place }
        guard !meant.isEmpty || place == nil else { return .unchanged }
        for (key, effect) in meant {
            guard case .happened(let answer) = decision else {
                try remove(key)
                continue
            }
            var decided = effect.value
            // Of whatever is asked for there now: an empty digest fits all.
            decided.step.digest = ""
            decided.step.isDoubted = false
            let given = try answer.map { blob throws(Failure) in try payloads.encode(blob, as: key) }
            if let given { decided.outcome = given }
            if decided.outcome == nil { decided.outcome = try payloads.encode(StoredSets.nothing, as: key) }
            _ = try put(key, decided.bytes, .revision(effect.revision))
        }
        let left = undecided.count - meant.count
        if left == 0 { _ = try queueAnew(record, due, from: [.uncertain]) }
        return .decided(left: left)
    }

    /// Takes away what is kept of one that has ended.
    func forget(_ shared: SharedInvocation, _ revision: UInt64) throws(Failure) {
        let record = shared.record
        // First, and only as it was found: it may have been asked to go on meanwhile.
        do throws(Failure) {
            try engine { engine throws(Failure) in
                try engine.remove(
                    .lasting, SharedKey.invocation(record.id, of: record.order.owner), expected: .revision(revision),
                    timeout: Self.patience)
            }
        } catch {
            if error.kind == .conflict { return }
            throw error
        }
        for key in try effects(of: record.id).keys { try remove(key) }
        try remove(SharedKey.input(record.id))
        if record.state == .done { try remove(SharedKey.result(record)) }
    }
}

/// Requests of what this node runs.
extension SharedStore {
    private func intend(_ id: InvocationID, _ step: StoredStep) throws(Failure) -> ChangeResult {
        try note(id, SharedEffect(step, outcome: nil))
        return .made
    }

    private func settle(_ id: InvocationID, _ step: StoredStep, _ outcome: Blob) throws(Failure) -> ChangeResult {
        let key = SharedKey.effect(id, at: step.place)
        let effect = SharedEffect(step, outcome: try payloads.encode(outcome, as: key))
        do throws(Failure) { try note(id, effect) } catch {
            guard error == .taken(id) else { throw error }
            // Of a request that may be made twice, the attempt that counts has the say; one that is over is stopped soon.
            guard let mine = held.withLock({ $0[id] }),
                try read(id, of: mine.shared.record.order.owner)?.revision == mine.revision
            else { return .unchanged }
            let revision = try put(key, effect.bytes, .whatever)
            held.withLock { $0[id]?.effects[step.place] = revision }
        }
        return .resized(0)
    }

    private func note(_ id: InvocationID, _ effect: SharedEffect) throws(Failure) {
        let place = effect.step.place
        guard let mine = held.withLock({ $0[id] }) else { throw .taken(id) }
        do throws(Failure) {
            let revision = try put(
                SharedKey.effect(id, at: place), effect.bytes, mine.effects[place].map { .revision($0) } ?? .absent)
            held.withLock { $0[id]?.effects[place] = revision }
        } catch {
            guard error.kind == .conflict else { throw error }
            throw .taken(id)
        }
    }

    private func retract(_ id: InvocationID, _ place: String) throws(Failure) -> ChangeResult {
        try remove(SharedKey.effect(id, at: place))
        held.withLock { $0[id]?.effects[place] = nil }
        return .made
    }

    private func doubt(_ id: InvocationID, _ place: String) throws(Failure) -> ChangeResult {
        let key = SharedKey.effect(id, at: place)
        guard let value = try get(key), var effect = SharedEffect(value.bytes) else { return .unchanged }
        effect.step.isDoubted = true
        _ = try put(key, effect.bytes, .revision(value.revision))
        return .made
    }
}

extension Failure {
    /// Another attempt at the same invocation has made a request first.
    static func taken(_ id: InvocationID) -> Failure {
        Failure(.unavailable, "another attempt at the invocation \(id) has made the request first")
    }
}

extension InvocationRecord {
    fileprivate mutating func end(_ ending: Ending) {
        state = ending.state
        ended = ending.now
        exitCode = ending.exitCode
        timeline = StoredTimeline.read(ending.timeline)
        failure = ending.failure
    }
}
