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

    func pop() -> ComputeTask? {
        guard count > 0 else { return nil }
        return ring.withLock { ring in
            guard ring.count > 0 else { return nil }
            let task = ring.tasks[ring.head].take()
            ring.head = (ring.head + 1) % ring.tasks.count
            ring.count -= 1
            length.store(ring.count, ordering: .sequentiallyConsistent)
            return task
        }
    }

    private static func grow(_ ring: inout Ring) {
        let old = ring
        ring.tasks = (0..<old.count * 2).map { $0 < old.count ? old.tasks[(old.head + $0) % old.count] : nil }
        ring.head = 0
    }
}
