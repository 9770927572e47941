import Glibc
import Memory
import Platform
import Synchronization
import Testing

/// What is given back to the account goes back to the kernel.
@Suite(.serialized) struct HeapTrimmerTests {
    private static let count = 60_000
    private static let bytes = 1024

    /// Blocks of a thread with a heap of its own, of which only the last stays in use: nothing before it goes by itself.
    private final class Filler: Sendable {
        private let isDone = Atomic<Bool>(false)
        private let done = Parker()

        func run() throws {
            try Thread.start(name: "filler", core: nil) {
                let blocks = (0..<count).map { _ in malloc(bytes) }
                for block in blocks { if let block { memset(block, 1, bytes) } }
                for block in blocks.dropLast() { free(block) }
                self.isDone.store(true, ordering: .releasing)
                self.done.wake()
            }
            while !isDone.load(ordering: .acquiring) { done.park(nanoseconds: 1_000_000) }
        }
    }

    @Test func freedMemoryBetweenBlocksInUseGoesBack() throws {
        let budget = MemoryBudget()
        try budget.heap.start()
        defer { budget.heap.stop() }
        let before = ProcessUse.residentBytes
        var charge = MemoryCharge(budget.own, .decoded)
        charge.note(Self.count * Self.bytes)
        try Filler().run()
        let kept = ProcessUse.residentBytes - before
        #expect(kept > Self.count * Self.bytes / 2, "the test shows nothing: \(kept) bytes")
        charge.shrink(to: 0)
        var left = kept
        for _ in 0..<500 where left > Self.count * Self.bytes / 4 {
            Sleep.milliseconds(10)
            left = ProcessUse.residentBytes - before
        }
        #expect(left <= Self.count * Self.bytes / 4, "\(left) bytes of \(kept) stayed")
    }
}
