public import Platform
internal import Synchronization

/// Returns to the kernel what was given back to the account. malloc(3) keeps freed blocks, for good where a block in use lies
/// behind them in the heap of its thread; a hundred megabytes of a node's memory can end so, on nobody's account.
public final class HeapTrimmer: Sendable {
    /// Bytes that were given back, ever.
    private let returned = Atomic<Int>(0)
    /// `returned` from which on the thread is woken.
    private let mark = Atomic<Int>(HeapTrimmer.step)
    private let parker = Parker()
    private let stopping = Atomic<Bool>(false)
    private let isRunning = Atomic<Bool>(false)

    /// Bytes given back for which a look at all heaps (some 0.5 ms) is worth it.
    private static let step = 8 << 20
    /// Pieces below this are not counted: what is large is given back in larger ones.
    private static let smallest = 4096
    /// Milliseconds from the first return to the look, so that looks stay rare however much comes and goes.
    private static let pause: UInt32 = 100

    /// - Throws: when no thread can be made.
    public func start() throws(SystemError) {
        isRunning.store(true, ordering: .releasing)
        do {
            try Thread.start(name: "heap", core: nil) {
                self.work()
                self.isRunning.store(false, ordering: .releasing)
            }
        } catch {
            isRunning.store(false, ordering: .releasing)
            throw error
        }
    }

    /// Returns when the thread has ended.
    public func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        while isRunning.load(ordering: .acquiring) {
            parker.wake()
            Sleep.milliseconds(1)
        }
    }

    /// `count` bytes are no longer on the account.
    @inline(__always)
    func note(_ count: Int) {
        guard count >= Self.smallest else { return }
        let sum = returned.add(count, ordering: .relaxed).newValue
        if sum >= mark.load(ordering: .relaxed) { parker.wake() }
    }

    private func work() {
        while true {
            parker.park()
            guard !stopping.load(ordering: .acquiring) else { return }
            guard returned.load(ordering: .relaxed) >= mark.load(ordering: .relaxed) else { continue }
            // Nobody needs to wake it meanwhile.
            mark.store(.max, ordering: .relaxed)
            Sleep.milliseconds(Self.pause)
            // First the mark: what comes back while the heaps are looked at counts for the next time.
            mark.store(returned.load(ordering: .relaxed) + Self.step, ordering: .relaxed)
            Heap.trim()
        }
    }
}
