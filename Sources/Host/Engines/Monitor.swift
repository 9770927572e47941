internal import Platform
internal import Synchronization

/// Notices leaders that are held up by a long run, and has their loops taken over.
///
/// Only functions that are known to be short run there, so this is for one that turns long. It ticks slowly while functions
/// run, because a timer that fires costs some microseconds on a virtual machine, and sleeps when the node is idle: a run
/// costs a load of one flag.
final class Monitor: Sendable {
    private let parker = Parker()
    private let isParked = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)

    private static let tick: Int64 = 10_000_000
    private static let quietTicksBeforeParking = 100

    func start(watching workers: [Worker]) throws(SystemError) {
        try Thread.start(name: "monitor", core: nil) { self.watch(workers) }
    }

    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        parker.wake()
    }

    /// A leader goes into a run.
    @inline(__always)
    func runBegins() {
        if isParked.load(ordering: .sequentiallyConsistent) { parker.wake() }
    }

    private func watch(_ workers: [Worker]) {
        var seen = [UInt64?](repeating: nil, count: workers.count)
        var quiet = 0
        while !stopping.load(ordering: .acquiring) {
            var active = false
            for (index, worker) in workers.enumerated() {
                let mark = worker.currentInlineRun
                if let mark, mark == seen[index] { worker.takeLoop(fromRun: mark) }
                if mark != nil { active = true }
                seen[index] = mark
            }
            quiet = active ? 0 : quiet + 1
            if quiet < Self.quietTicksBeforeParking {
                parker.park(nanoseconds: Self.tick)
            } else {
                parkUntilARun(workers)
                quiet = 0
            }
        }
    }

    private func parkUntilARun(_ workers: [Worker]) {
        isParked.store(true, ordering: .sequentiallyConsistent)
        // A run that began before the flag was seen shows here; one that begins after wakes the parker.
        if !workers.contains(where: { $0.currentInlineRun != nil }) && !stopping.load(ordering: .acquiring) {
            parker.park()
        }
        isParked.store(false, ordering: .sequentiallyConsistent)
    }
}
