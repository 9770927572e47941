public import Failure
internal import Platform
internal import Synchronization
internal import Telemetry

/// Long work, such as compiling, in turns: at most a few are had at once, and those who wait share them.
///
/// Who has had the least time, divided by its weight, goes next; one tenant has half of the turns at most, so that another
/// one's work begins at once. Work that nobody waits for has a turn of its own, one at a time.
public final class Turns: Sendable {
    public static let shared = Turns(slots: max(2, Thread.allowedCores().count))

    public enum Kind: Sendable {
        /// Somebody waits for the result.
        case awaited
        /// Nobody does: it makes something better that serves already.
        case improvement
    }

    /// On whose behalf the calling thread works, and whether it may wait.
    public final class Caller: Sendable {
        let tenant: String
        let weight: UInt64
        let mayWait: Bool
        private let refusal = Atomic(false)

        public init(tenant: String = "", weight: UInt64 = 1, mayWait: Bool = true) {
            (self.tenant, self.weight, self.mayWait) = (tenant, max(1, weight), mayWait)
        }

        /// Whether a turn was refused because the thread must not wait.
        public var wasRefused: Bool { refusal.load(ordering: .relaxed) }
        func refuse() { refusal.store(true, ordering: .relaxed) }
    }

    private static let current = ThreadLocal<Caller>()

    /// Works on `caller`'s behalf during `body`.
    public static func working<R, E: Error>(for caller: Caller, _ body: () throws(E) -> R) throws(E) -> R {
        try current.with(caller, body)
    }

    private final class Waiter: Sendable {
        let tenant: String
        let weight: UInt64
        let parker = Parker()
        let isGranted = Atomic(false)
        init(_ caller: Caller?) { (tenant, weight) = (caller?.tenant ?? "", caller?.weight ?? 1) }
    }

    private struct State {
        var awaiting: [Waiter] = []
        var improving: [Waiter] = []
        /// Turns that are had, by tenant.
        var running: [String: Int] = [:]
        var isImproving = false
        /// Nanoseconds that tenants had, divided by their weights; of those alone that have or want turns.
        var served: [String: UInt64] = [:]

        func time(of waiter: Waiter) -> UInt64 { served[waiter.tenant] ?? 0 }
    }

    private let state = Mutex(State())
    private let slots: Int
    private let ended = Atomic(false)
    private let waiting = Metrics.shared.cell(
        "dandelion_long_work_waiting", "Compilations and the like that wait for their turn.", .gauge)
    private let busy = Metrics.shared.cell(
        "dandelion_long_work_running", "Compilations and the like that run.", .gauge)

    /// Registrations that wait for a turn, of all tenants and of one. Each holds a thread and its request.
    private static let mostWaiting = 64
    private static let mostWaitingOfOne = 24
    /// Improvements cost no request anything.
    private static let mostImprovements = 1024

    public init(slots: Int) { self.slots = slots }

    /// One turn, until `end`.
    public struct Turn: Sendable {
        public let kind: Kind
        let tenant: String
        let weight: UInt64
        let begin: UInt64
    }

    /// Waits for a turn for the calling thread.
    /// - Throws: `.busy` when too many wait, or when the thread must not; `.cancelled` when the node stops.
    public func begin(_ kind: Kind) throws(Failure) -> Turn {
        let caller = Self.current.value
        if let caller, !caller.mayWait {
            caller.refuse()
            throw Failure(.busy, "this takes long and is not done on the way of a request")
        }
        let waiter = Waiter(caller)
        try enqueue(waiter, kind)
        waiting.add(1)
        HelperThreads.away {
            while !waiter.isGranted.load(ordering: .acquiring), !isEnded {
                waiter.parker.park(nanoseconds: 1_000_000_000)
            }
        }
        waiting.add(-1)
        guard waiter.isGranted.load(ordering: .acquiring) || !withdraw(waiter) else {
            throw Failure(.cancelled, "the node is stopping")
        }
        busy.add(1)
        return Turn(kind: kind, tenant: waiter.tenant, weight: waiter.weight, begin: Clock.now())
    }

    public func end(_ turn: Turn) {
        busy.add(-1)
        state.withLock { state in
            if turn.kind == .improvement {
                state.isImproving = false
            } else {
                state.served[turn.tenant, default: 0] += (Clock.now() &- turn.begin) / turn.weight
                let left = (state.running[turn.tenant] ?? 1) - 1
                state.running[turn.tenant] = left > 0 ? left : nil
            }
            grant(&state)
        }
    }

    /// From now on nobody gets a turn, and those who have one are to give up.
    public func close() { ended.store(true, ordering: .releasing) }
    public var isEnded: Bool { ended.load(ordering: .acquiring) }

    private func enqueue(_ waiter: Waiter, _ kind: Kind) throws(Failure) {
        let fits = state.withLock { state in
            if kind == .improvement {
                guard state.improving.count < Self.mostImprovements else { return false }
                state.improving.append(waiter)
            } else {
                let own = state.awaiting.lazy.filter { $0.tenant == waiter.tenant }.count
                guard state.awaiting.count < Self.mostWaiting, own < Self.mostWaitingOfOne else { return false }
                // Nobody saves up time by asking for nothing.
                let least = state.served.values.min() ?? 0
                state.served[waiter.tenant] = max(state.served[waiter.tenant] ?? 0, least)
                state.awaiting.append(waiter)
            }
            grant(&state)
            return true
        }
        guard fits else { throw Failure(.busy, "too many registrations wait to be compiled already") }
    }

    /// False when it was granted meanwhile.
    private func withdraw(_ waiter: Waiter) -> Bool {
        state.withLock { state in
            guard !waiter.isGranted.load(ordering: .acquiring) else { return false }
            state.awaiting.removeAll { $0 === waiter }
            state.improving.removeAll { $0 === waiter }
            return true
        }
    }

    private func grant(_ state: inout State) {
        let most = max(1, slots / 2)
        while state.running.values.reduce(0, +) < slots,
            let next = state.awaiting.indices.filter({ (state.running[state.awaiting[$0].tenant] ?? 0) < most })
                .min(by: { state.time(of: state.awaiting[$0]) < state.time(of: state.awaiting[$1]) })
        {
            let waiter = state.awaiting.remove(at: next)
            state.running[waiter.tenant, default: 0] += 1
            wake(waiter)
        }
        if !state.isImproving, !state.improving.isEmpty {
            state.isImproving = true
            wake(state.improving.removeFirst())
        }
        let present = Set(state.awaiting.map(\.tenant)).union(state.running.keys)
        state.served = state.served.filter { present.contains($0.key) }
    }

    private func wake(_ waiter: Waiter) {
        waiter.isGranted.store(true, ordering: .releasing)
        waiter.parker.wake()
    }
}
