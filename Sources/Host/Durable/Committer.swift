internal import Failure
internal import Platform
internal import Synchronization
internal import Telemetry

/// The one thread that changes the store. What is asked for while it writes goes to disk together, by the next write: however
/// many invocations there are, a disk syncs as often as it can and not more often.
final class Committer: Sendable {
    typealias Completion = @Sendable (Result<ChangeResult, Failure>) -> Void

    private enum Entry {
        case change(Change, Completion)
        /// Something to be called when the store is open.
        case job(@Sendable (Result<any InvocationStore, Failure>) -> Void)
    }

    private struct State {
        var entries: [Entry] = []
        /// One of them is waited for.
        var isUrgent = false
        /// When the first of them came, CLOCK_MONOTONIC ns.
        var since: UInt64 = 0
        var isStarted = false
        var isStopping = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let parker = Parker()
    /// Opens the store; what it holds is known when this returns.
    private let open: @Sendable () throws(Failure) -> any InvocationStore
    /// Called between writes; gives the nanoseconds after which to call it again.
    private let tick: @Sendable () -> UInt64

    /// Changes of one transaction: what waits for more is better served by two.
    private static let most = 1024
    /// How long a change that nobody waits for may stay unwritten, ns, so that it shares the sync of one that somebody waits for. Else
    /// who has one invocation accepted after the other would wait for two syncs each: the end of the last and its own.
    private static let linger: UInt64 = 20_000_000
    private static let transactions = Metrics.shared.cell(
        "dandelion_durable_commits_total", "Transactions of the store of durable invocations.")
    private static let changes = Metrics.shared.cell(
        "dandelion_durable_changes_total", "Changes that these transactions made.")

    init(
        open: @escaping @Sendable () throws(Failure) -> any InvocationStore, tick: @escaping @Sendable () -> UInt64
    ) {
        self.open = open
        self.tick = tick
    }

    /// Any thread. `completion` is called on the committer's when the change is on disk, or cannot be made.
    /// - Parameter isPatient: nobody waits for it.
    func submit(_ change: Change, isPatient: Bool = false, _ completion: @escaping Completion) {
        if let failure = add(.change(change, completion), isPatient: isPatient) { completion(.failure(failure)) }
    }

    /// Somebody waits for what was submitted so far.
    func hurry() {
        let isNeeded = state.withLock { state in
            guard !state.entries.isEmpty, !state.isUrgent else { return false }
            state.isUrgent = true
            return true
        }
        if isNeeded { parker.wake() }
    }

    /// Any thread.
    func whenOpen(_ job: @escaping @Sendable (Result<any InvocationStore, Failure>) -> Void) {
        if let failure = add(.job(job)) { job(.failure(failure)) }
    }

    /// Has `tick` called soon.
    func wake() { parker.wake() }

    /// What was submitted is written, then the thread ends. Waits for that.
    func stop() {
        let isStarted = state.withLock { state in
            state.isStopping = true
            return state.isStarted
        }
        parker.wake()
        while isStarted, !state.withLock({ $0.hasEnded }) { Sleep.milliseconds(1) }
    }

    private func add(_ entry: Entry, isPatient: Bool = false) -> Failure? {
        let failure: Failure? = state.withLock { state in
            guard !state.isStopping else { return Failure(.unavailable, "the node is stopping") }
            if !state.isStarted {
                do {
                    try Thread.start(name: "durable", core: nil) { self.work() }
                } catch {
                    return Failure(.unavailable, "no thread for durable invocations: \(error)")
                }
                state.isStarted = true
            }
            if state.entries.isEmpty { state.since = Clock.now() }
            state.isUrgent = state.isUrgent || !isPatient
            state.entries.append(entry)
            return nil
        }
        if failure == nil { parker.wake() }
        return failure
    }

    private func work() {
        var store: (any InvocationStore)?
        while true {
            let wait = store == nil ? UInt64(Int64.max) : tick()
            let (entries, isLast, rest) = take()
            if entries.isEmpty, !isLast {
                parker.park(nanoseconds: Int64(clamping: min(wait, rest)))
                continue
            }
            if !entries.isEmpty { serve(entries, &store) }
            if isLast { break }
        }
        store = nil
        state.withLock { $0.hasEnded = true }
    }

    /// What is to be written now; nothing, and for how many ns, when it can wait for more.
    private func take() -> (entries: [Entry], isLast: Bool, rest: UInt64) {
        state.withLock { state in
            let age = Clock.now() &- state.since
            if !state.isUrgent, !state.isStopping, !state.entries.isEmpty, age < Self.linger {
                return ([], false, Self.linger - age)
            }
            let taken = Array(state.entries.prefix(Self.most))
            state.entries.removeFirst(taken.count)
            state.isUrgent = !state.entries.isEmpty
            return (taken, state.isStopping && state.entries.isEmpty, .max)
        }
    }

    private func serve(_ entries: [Entry], _ store: inout (any InvocationStore)?) {
        let result: Result<any InvocationStore, Failure>
        do throws(Failure) {
            let opened = if let store { store } else { try open() }
            store = opened
            result = .success(opened)
        } catch { result = .failure(error) }
        var changes: [Change] = []
        var completions: [Completion] = []
        for case .change(let change, let completion) in entries {
            changes.append(change)
            completions.append(completion)
        }
        switch result {
        case .success(let store): apply(changes, completions, to: store)
        case .failure(let failure): for completion in completions { completion(.failure(failure)) }
        }
        for case .job(let job) in entries { job(result) }
    }

    private func apply(_ changes: [Change], _ completions: [Completion], to store: any InvocationStore) {
        guard !changes.isEmpty else { return }
        do throws(Failure) {
            let results = try store.apply(changes)
            Self.transactions.add()
            Self.changes.add(changes.count)
            for (completion, result) in zip(completions, results) { completion(.success(result)) }
        } catch {
            guard changes.count > 1 else { return completions[0](.failure(error)) }
            // One that needs more room than there is must not fail the others.
            for (change, completion) in zip(changes, completions) { apply([change], [completion], to: store) }
        }
    }
}
