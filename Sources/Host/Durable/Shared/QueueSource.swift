internal import Composition
internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Fleet
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Synchronization
internal import Telemetry

/// A queue of the fleet's engine whose messages others put there: each becomes a durable invocation, once, and is done when that is
/// kept.
final class QueueSource: Sendable {
    private let settings: FleetQueueSettings
    private let store: SharedStore
    private static let accepted = Metrics.shared.cell(
        "dandelion_durable_queue_messages_total", "Messages of the engine's queues that became invocations.")
    private static let refused = Metrics.shared.cell(
        "dandelion_durable_queue_refusals_total",
        "Times that a message of such a queue could not become an invocation and was left, or dropped if it never can.")

    init(_ settings: FleetQueueSettings, _ store: SharedStore) {
        self.settings = settings
        self.store = store
    }

    var name: String { settings.name }

    private static let pulling: UInt64 = 500_000_000
    /// Until a message that could not be accepted is given again, ns.
    private static let pause: UInt64 = 1_000_000_000

    /// A thread of its own.
    func run(_ owner: DurableInvocations, until isOver: () -> Bool) {
        var queue: FleetQueue?
        while !isOver() {
            guard let fleet = store.place.current, fleet.isHeard else {
                Sleep.milliseconds(20)
                continue
            }
            do throws(Failure) {
                if queue == nil { queue = try fleet.engine.queue(settings.name, timeout: SharedStore.patience) }
                guard let opened = queue, let message = try opened.pull(timeout: Self.pulling) else { continue }
                try take(message, opened, owner)
            } catch {
                Log.debug("queue \(settings.name): \(error.detail)")
                Sleep.milliseconds(100)
            }
        }
    }

    private func take(_ message: FleetMessage, _ queue: FleetQueue, _ owner: DurableInvocations) throws(Failure) {
        do throws(Failure) {
            try accept(message, owner)
            Self.accepted.add()
        } catch {
            Self.refused.add()
            guard error.kind != .tooLarge, error.kind != .invalid else {
                Log.error(
                    "queue \(settings.name): message \(message.number) can be no invocation and is dropped: \(error.detail)"
                )
                return try queue.settle(message.token, .done, timeout: SharedStore.patience)
            }
            Log.warning("queue \(settings.name): a message cannot be accepted now: \(error.detail)")
            return try queue.settle(message.token, .again(Self.pause), timeout: SharedStore.patience)
        }
        try queue.settle(message.token, .done, timeout: SharedStore.patience)
    }

    private func accept(_ message: FleetMessage, _ owner: DurableInvocations) throws(Failure) {
        let tenant = try owner.dispatcher.admission.tenant(named: settings.tenant)
        let space = owner.dispatcher.space(of: tenant.name)
        guard let entry = space.entry(named: settings.invoke) else { throw space.nothing(named: settings.invoke) }
        let order = InvocationOrder(
            owner: InvocationOwner(tenant: tenant.name, space: space.name), name: settings.invoke)
        // The message is the first input's item; the others are empty.
        let declared = entry.signature.variants.first?.inputs ?? []
        let sets = declared.enumerated().map { index, name in
            ItemSet(name: Blob(name), items: index == 0 ? [Item(ident: .empty, data: Blob(message.bytes))] : [])
        }
        let input = try StoredSets.encode(sets, limit: Int(clamping: owner.settings.maxPayload), tenant.memory)
        // A message that is given twice is one invocation.
        let digest = Store.digest(of: input)
        let key = IdempotencyKey(
            text: "queue\0\(settings.name)\0\(message.number)\0\(digest)", fingerprint: Array(digest.utf8))
        let waiter = Waiter()
        owner.accept(order, input, sets, charge: nil, key: key, on: nil) { waiter.end($0.map { _ in () }) }
        try waiter.wait()
    }

    /// For what another thread does.
    private final class Waiter: Sendable {
        private let result = Mutex<Result<Void, Failure>?>(nil)
        private let parker = Parker()

        func end(_ given: Result<Void, Failure>) {
            result.withLock { $0 = given }
            parker.wake()
        }

        func wait() throws(Failure) {
            while true {
                if let given = result.withLock({ $0 }) { return try given.get() }
                parker.park(nanoseconds: 1_000_000_000)
            }
        }
    }
}
