internal import Config
internal import Dispatcher
public import Failure
internal import Fleet
public import Items
public import Memory
internal import Platform
internal import Registry
internal import Synchronization
internal import Telemetry

/// Invocations of a fleet: this node runs what it has taken from the queue.
extension DurableInvocations {
    /// Keeps time, where there is a committer.
    func wake() { if shared == nil { committer.wake() } }

    /// Whether there is room for one more beside so many that are about to come.
    func canTake(beside count: Int) -> Bool {
        line.withLock { !$0.isStopping && $0.running + count < settings.running }
    }

    /// Whether this node has what is asked for; what nobody has, it has not either.
    func canRun(_ order: InvocationOrder) -> Bool {
        let space = order.owner.space
        if dispatcher.space(of: space).entry(named: order.name) != nil { return true }
        return shared?.store.place.current?.knows(order.name, in: space) != true
    }

    /// The store says that this node runs it.
    func take(_ record: InvocationRecord) {
        let hold = Holds(pool).noting(record.order.tenant)
        line.withLock { line in
            line.takeSlot()
            line.add(record.id, record.order.tenant, hasSlot: true, hold)
        }
        load(record.id)
    }

    /// It could not begin: for another node, or this one later.
    func giveBack(_ id: InvocationID) {
        submit(.giveBack(id)) { [self] result in
            if case .failure(let failure) = result {
                Log.debug("durable invocation \(id) is not given back: \(failure.detail)")
            }
            // What is not comes again by itself.
            shared?.store.drop(id)
            leave(behind: id)
        }
    }

    /// Its slot is free, and it goes on elsewhere or later.
    func leave(behind id: InvocationID) {
        _ = line.withLock { $0.forget(id) }
        leave()
    }

    /// It was cancelled, or another node has it: what this one does for it is of no use.
    func lose(_ id: InvocationID) {
        shared?.store.drop(id)
        line.withLock { $0.forget(id) }?.run?.cancel()
    }

    /// It has ended in the store, and ran nowhere.
    func ended(_ id: InvocationID, _ state: InvocationState) {
        metrics.ended(state)
        tell(id)
    }

    /// So many are open in the whole fleet.
    func noteOpen(_ count: Int) { metrics.note(open: count, running: line.withLock { $0.running }) }

    func isAwaited(_ id: InvocationID) -> Bool { line.withLock { $0.waiters[id] != nil } }

    /// Whoever waits for its end is to look.
    func tell(_ id: InvocationID) {
        let waiters = line.withLock { $0.waiters.removeValue(forKey: id) ?? [] }
        for waiter in waiters { waiter.tell() }
    }

    /// What another node wants of a payload that this one keeps; nil where there is none.
    public func payload(_ name: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        try shared?.store.payloads.folder.get(name, account)
    }

    /// Keeps a copy of what another node has. Blocks.
    public func copyPayload(
        _ name: String, size: Int, digest: String, from node: String, _ account: MemoryAccount
    ) throws(Failure) {
        guard let shared else { throw Failure(.notFound, "this node keeps no payloads of others") }
        let fleet = try shared.store.place.joined()
        guard fleet.hasMember(node) else {
            throw Failure(.invalid, "parameter from is '\(node)', no node of the fleet")
        }
        let whole = try fleet.payload(name, size: size, digest: digest, at: [node], account)
        try shared.store.payloads.folder.put(name, whole)
    }
}
