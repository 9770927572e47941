internal import Failure
internal import Fleet
internal import Platform
internal import PluginHost
internal import Synchronization

/// How a node gets what it runs.
extension SharedStore {
    /// What is to become of a message that was pulled.
    enum Taking: Sendable {
        /// This node runs it from now on.
        case taken(SharedInvocation)
        /// Somebody is to look again, after so many ns.
        case later(UInt64)
        /// There is nothing to do, or others do it.
        case over
        /// All attempts were cut short: it is dead.
        case spent(SharedInvocation)
        /// This node runs it already.
        case known
    }

    private static let soon: UInt64 = 20_000_000
    private static let pauseForOthers: UInt64 = 100_000_000

    /// - Parameter canRun: whether this node has what an invocation asks for, or nobody has.
    func take(
        _ given: FleetMessage, _ queue: FleetQueue, attempts: Int, canRun: (InvocationOrder) -> Bool
    ) throws(Failure) -> Taking {
        guard let message = SharedMessage(given.bytes) else { return .over }
        let isKnown = held.withLock { held in
            guard held[message.id]?.shared.ticket == message.ticket else { return false }
            held[message.id]?.token = given.token
            return true
        }
        if isKnown { return .known }
        guard let (found, revision) = try read(message.id, of: message.owner), found.ticket == message.ticket else {
            return try clear(message)
        }
        guard found.record.state.isOpen else { return .over }
        let now = Clock.wall()
        if found.record.state == .waiting, found.record.due > now { return .later(found.record.due - now) }
        guard canRun(found.record.order) else { return .later(Self.pauseForOthers) }
        var shared = found
        // It is given again although it runs: its node has said nothing for too long.
        let wasCutShort = found.record.state == .running
        shared.hasSteps = found.hasSteps || wasCutShort
        guard !wasCutShort || found.record.attempts < attempts else {
            let ending = Ending.cutShort(attempts: found.record.attempts, now)
            (shared.record.state, shared.record.ended, shared.record.failure) = (.dead, now, ending.failure)
            do throws(Failure) { _ = try write(shared, .revision(revision)) } catch {
                if error.kind == .conflict { return .later(Self.soon) }
                throw error
            }
            return .spent(shared)
        }
        shared.record.state = .running
        shared.record.attempts += 1
        shared.record.begun = now
        shared.record.node = try place.joined().address
        do throws(Failure) {
            let taken = try write(shared, .revision(revision))
            let mine = Held(shared: shared, revision: taken, queue: queue, token: given.token)
            held.withLock { $0[message.id] = mine }
            return .taken(shared)
        } catch {
            guard error.kind == .conflict else { throw error }
            return .later(Self.soon)
        }
    }

    /// The message's invocation is not there, or waits by another message: as yet, or for good.
    private func clear(_ message: SharedMessage) throws(Failure) -> Taking {
        let age = Clock.wall() &- message.made
        guard age > Self.longestAccepting, age < UInt64(Int64.max) else { return .later(Self.soon) }
        if try read(message.id, of: message.owner) == nil { try remove(SharedKey.input(message.id)) }
        return .over
    }

    /// Which of those that this node runs are not its any more: cancelled, or taken by another.
    func lost() -> [InvocationID] {
        held.withLock { $0 }.compactMap { id, mine in
            guard let now = try? read(id, of: mine.shared.record.order.owner) else { return nil }
            let isMine = now.revision == mine.revision
            return isMine || held.withLock({ $0[id]?.revision != mine.revision }) ? nil : id
        }
    }

    /// Says that work goes on.
    func beat() {
        for mine in held.withLock({ Array($0.values) }) {
            try? mine.queue.settle(mine.token, .busy, timeout: Self.patience)
        }
    }
}
