internal import Config
internal import Platform
internal import Synchronization

/// The node's clockwork: notices leaders that are held up by a long run and has their loops taken over, and lets the pool
/// balance its cores.
///
/// Only functions that are known to be short run on a leader, so the first is for one that turns long. It ticks slowly
/// while there is work, because a timer that fires costs some microseconds on a virtual machine, and sleeps when the node
/// is idle: work that begins costs a load of one flag.
final class Monitor: Sendable {
    private let parker = Parker()
    private let isParked = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private let isRunning = Atomic<Bool>(false)

    private static let tick: Int64 = 10_000_000
    private static let quietTicksBeforeParking = 100

    func start(watching pool: WorkerPool) throws(SystemError) {
        isRunning.store(true, ordering: .releasing)
        do {
            try Thread.start(name: "monitor", core: nil) {
                self.watch(pool)
                self.isRunning.store(false, ordering: .releasing)
            }
        } catch {
            isRunning.store(false, ordering: .releasing)
            throw error
        }
    }

    /// Returns when the monitor looks at no worker any more.
    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        while isRunning.load(ordering: .acquiring) {
            parker.wake()
            Sleep.milliseconds(1)
        }
    }

    /// A function begins to run, or events pile up.
    @inline(__always)
    func workBegins() {
        if isParked.load(ordering: .sequentiallyConsistent) { parker.wake() }
    }

    private func watch(_ pool: WorkerPool) {
        var seen = [UInt64?](repeating: nil, count: pool.workers.count)
        var quiet = 0
        var nextBalance: UInt64 = 0
        while !stopping.load(ordering: .acquiring) {
            for (index, worker) in pool.workers.enumerated() {
                let mark = worker.roles.currentInlineRun
                if let mark, mark == seen[index] { worker.roles.takeLoop(fromRun: mark) }
                seen[index] = mark
            }
            let now = Clock.now()
            pool.endHopeless(at: now)
            if now >= nextBalance {
                nextBalance = now &+ pool.control.interval
                pool.balance()
            }
            quiet = pool.hasWork ? 0 : quiet + 1
            if quiet < Self.quietTicksBeforeParking {
                parker.park(nanoseconds: Self.tick)
            } else {
                parkUntilWorkBegins(pool)
                quiet = 0
            }
        }
    }

    private func parkUntilWorkBegins(_ pool: WorkerPool) {
        isParked.store(true, ordering: .sequentiallyConsistent)
        // Work that began before the flag was seen shows here; what begins after wakes the parker.
        if !pool.hasWork && !stopping.load(ordering: .acquiring) { parker.park() }
        isParked.store(false, ordering: .sequentiallyConsistent)
    }
}
