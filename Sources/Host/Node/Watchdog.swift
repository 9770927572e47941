internal import Engines
internal import Platform
internal import Synchronization

/// Tells the service manager that the node is alive: as long as the main thread and the event loop of every worker go on. When one of
/// them is stuck the manager hears nothing, and starts the node anew.
final class Watchdog {
    private let manager: ServiceManager
    private let workers: [Worker]
    /// Nanoseconds from one sign to the next: half of what the manager waits.
    private let interval: UInt64
    private var next: UInt64
    private let answers = Answers()

    /// How many loops have not answered the last question.
    private final class Answers: Sendable {
        let missing = Atomic(0)
    }

    /// Nil where the manager does not ask for it.
    init?(_ manager: ServiceManager?, _ workers: [Worker]) {
        guard let manager, let time = manager.watchdog else { return nil }
        (self.manager, self.workers) = (manager, workers)
        interval = max(time / 2, 1_000_000)
        next = Clock.now()
    }

    /// Milliseconds until `attend` is to be called.
    var wait: Int32 {
        let now = Clock.now()
        return next <= now ? 0 : Int32(clamping: (next - now) / 1_000_000 + 1)
    }

    /// Gives a sign when it is time and all loops have answered since the last one.
    func attend() {
        guard Clock.now() >= next else { return }
        guard answers.missing.load(ordering: .acquiring) == 0 else {
            // Looked at again soon: the sign comes late, or never.
            next = Clock.now() &+ interval / 10
            return
        }
        manager.tell("WATCHDOG=1")
        answers.missing.store(workers.count, ordering: .releasing)
        for worker in workers {
            worker.loop.post { [answers] in answers.missing.subtract(1, ordering: .acquiringAndReleasing) }
        }
        next = Clock.now() &+ interval
    }
}
