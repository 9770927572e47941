internal import Synchronization

/// Tasks that wait for a free engine, oldest first, shared by all workers: late binding (paper, section 5).
final class ComputeQueue: Sendable {
    private struct Ring {
        var tasks: [ComputeTask?] = Array(repeating: nil, count: 64)
        var head = 0
        var count = 0
    }

    private let ring = Mutex(Ring())
    private let length = Atomic<Int>(0)

    /// How many wait, as of a moment ago.
    var count: Int { length.load(ordering: .sequentiallyConsistent) }

    func push(_ task: ComputeTask) {
        ring.withLock { ring in
            if ring.count == ring.tasks.count { Self.grow(&ring) }
            ring.tasks[(ring.head + ring.count) % ring.tasks.count] = task
            ring.count += 1
            length.store(ring.count, ordering: .sequentiallyConsistent)
        }
    }

    /// Takes the oldest task that `worker` takes.
    func pop(for worker: Worker) -> ComputeTask? {
        guard count > 0 else { return nil }
        return ring.withLock { ring in
            guard let place = Self.first(in: ring, for: worker) else { return nil }
            let task = ring.tasks[(ring.head + place) % ring.tasks.count]
            // Those before it may not run here; they move up by one place.
            for index in stride(from: place, to: 0, by: -1) {
                ring.tasks[(ring.head + index) % ring.tasks.count] =
                    ring.tasks[(ring.head + index - 1) % ring.tasks.count]
            }
            ring.tasks[ring.head] = nil
            ring.head = (ring.head + 1) % ring.tasks.count
            ring.count -= 1
            length.store(ring.count, ordering: .sequentiallyConsistent)
            return task
        }
    }

    /// Whether a task waits that `worker` takes.
    func hasTask(for worker: Worker) -> Bool {
        guard count > 0 else { return false }
        return ring.withLock { Self.first(in: $0, for: worker) != nil }
    }

    private static func first(in ring: Ring, for worker: Worker) -> Int? {
        // A communication engine takes few of them: it does not search a long queue over and over.
        let places = worker.kind.computes ? ring.count : min(ring.count, 16)
        for place in 0..<places {
            let task = ring.tasks[(ring.head + place) % ring.tasks.count]
            if let task, worker.takes(task.function) { return place }
        }
        return nil
    }

    private static func grow(_ ring: inout Ring) {
        let old = ring
        ring.tasks = (0..<old.count * 2).map { $0 < old.count ? old.tasks[(old.head + $0) % old.count] : nil }
        ring.head = 0
    }
}
