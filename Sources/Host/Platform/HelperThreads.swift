internal import Glibc
internal import Synchronization

/// A few threads for work that may block: files, compilers, rebuilding sandboxes. Nothing of a fast request runs here.
///
/// A thread that is about to wait or work for long says so by `away`, and another one takes its place meanwhile: what is
/// short never waits for what is long.
public final class HelperThreads: Sendable {
    public static let shared = HelperThreads(count: 2)

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var threads = 0
        /// Those of the threads that do not count at the moment.
        var away = 0
    }

    private let state = Mutex(State())
    private let count: Int
    private static let limit = 100_000
    private static let current = ThreadLocal<HelperThreads>()

    // SAFETY of nonisolated(unsafe): sem_post(3) and sem_wait(3) may be called by any thread; the semaphore is never
    // destroyed, because the pool lives as long as the process.
    private nonisolated(unsafe) let available: UnsafeMutablePointer<sem_t>

    public init(count: Int) {
        self.count = count
        available = .allocate(capacity: 1)
        sem_init(available, 0, 0)
    }

    /// Queues a job. False when too many wait or no thread can be made.
    public func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let accepted = state.withLock { state in
            guard fill(&state), state.jobs.count < Self.limit else { return false }
            state.jobs.append(job)
            return true
        }
        if accepted { sem_post(available) }
        return accepted
    }

    /// Whether the calling thread is one of a pool's.
    public static var isCurrent: Bool { current.value != nil }

    /// Calls `body`, which may take very long; a thread of a pool is replaced meanwhile.
    public static func away<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        guard let pool = current.value else { return try body() }
        pool.state.withLock { state in
            state.away += 1
            _ = pool.fill(&state)
        }
        defer { pool.state.withLock { $0.away -= 1 } }
        return try body()
    }

    /// Starts what threads are missing; false when there is none.
    private func fill(_ state: inout State) -> Bool {
        while state.threads - state.away < count {
            do {
                try Thread.start(name: "helper-\(state.threads)", core: nil) { self.work() }
            } catch {
                return state.threads > 0
            }
            state.threads += 1
        }
        return true
    }

    private func work() {
        Self.current.with(self) {
            while true {
                while sem_wait(available) != 0 {}
                let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
                job?()
                let isSpare = state.withLock { state in
                    guard state.threads - state.away > count else { return false }
                    state.threads -= 1
                    return true
                }
                if isSpare { return }
            }
        }
    }
}
