internal import Glibc
internal import Synchronization

/// A few threads for work that may block: files, compilers, rebuilding sandboxes. Nothing of a fast request runs here.
public final class HelperThreads: Sendable {
    public static let shared = HelperThreads(count: 2)

    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let started = Atomic<Bool>(false)
    private let count: Int
    private static let limit = 100_000

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
        guard startOnce() else { return false }
        let accepted = jobs.withLock { jobs in
            guard jobs.count < Self.limit else { return false }
            jobs.append(job)
            return true
        }
        if accepted { sem_post(available) }
        return accepted
    }

    private func startOnce() -> Bool {
        guard started.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged else {
            return true
        }
        for index in 0..<count {
            do {
                try Thread.start(name: "helper-\(index)", core: nil) { self.work() }
            } catch {
                if index == 0 {
                    started.store(false, ordering: .releasing)
                    return false
                }
            }
        }
        return true
    }

    private func work() {
        while true {
            while sem_wait(available) != 0 {}
            let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?()
        }
    }
}
