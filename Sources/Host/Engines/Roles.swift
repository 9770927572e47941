internal import Platform
internal import Synchronization

/// The two roles that the two threads of a worker share: the *leader* turns the event loop, and whoever holds the *permit*
/// runs a function. See Docs/decisions/0002.
final class Roles: Sendable {
    private let leader = Atomic<Int>(0)
    private let permit = Atomic<Bool>(false)
    /// Run counter << 1 | 1 while the leader runs a function. Changing it takes the loop away from that run.
    private let inlineRun = Atomic<UInt64>(0)
    private let parkers = [StandbyParker(), StandbyParker()]

    // MARK: The loop

    func isLeader(_ thread: Int) -> Bool { leader.load(ordering: .acquiring) == thread }

    /// Gives the loop to the other thread.
    func handOver(from thread: Int) {
        leader.store(1 - thread, ordering: .releasing)
        parkers[1 - thread].wake()
    }

    /// Sleeps until there may be something to see.
    func park(_ thread: Int) { parkers[thread].park() }

    func wakeAll() { for parker in parkers { parker.wake() } }

    // MARK: The permit

    /// Whether a thread of this worker runs a function.
    var isComputing: Bool { permit.load(ordering: .sequentiallyConsistent) }

    func takePermit() -> Bool {
        permit.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged
    }

    func returnPermit() { permit.store(false, ordering: .sequentiallyConsistent) }

    // MARK: Runs on the leader

    /// The leader goes into a run. Leader only.
    /// - Returns: the run's mark.
    func beginInlineRun() -> UInt64 {
        let mark = inlineRun.load(ordering: .relaxed) | 1
        inlineRun.store(mark, ordering: .sequentiallyConsistent)
        return mark
    }

    /// Ends a run of the calling leader; false when it is not the leader any more.
    func endInlineRun(_ mark: UInt64, of thread: Int) -> Bool {
        if inlineRun.compareExchange(expected: mark, desired: mark &+ 1, ordering: .sequentiallyConsistent).exchanged {
            return true
        }
        // `takeLoop` is about to name the other thread leader; until then this one must not look for its role.
        while isLeader(thread) { Thread.yield() }
        return false
    }

    /// The mark of the run that the leader is in, nil when it is in none. Any thread.
    var currentInlineRun: UInt64? {
        let mark = inlineRun.load(ordering: .sequentiallyConsistent)
        return mark & 1 == 1 ? mark : nil
    }

    /// Takes the loop from a leader that is still in run `mark`. One thread of the node: the monitor.
    func takeLoop(fromRun mark: UInt64) {
        let thread = leader.load(ordering: .acquiring)
        guard
            inlineRun.compareExchange(expected: mark, desired: mark &+ 1, ordering: .sequentiallyConsistent).exchanged
        else { return }
        handOver(from: thread)
    }
}

/// A parker behind a reference, because arrays hold no noncopyable values.
private final class StandbyParker: Sendable {
    private let parker = Parker()
    func park() { parker.park() }
    func wake() { parker.wake() }
}
