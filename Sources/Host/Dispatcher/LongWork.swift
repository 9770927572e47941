internal import Engines
internal import Failure
internal import Items
internal import Platform

/// Keeps the loop free: what could take milliseconds is cut into turns, or done by a thread of its own.
enum LongWork {
    /// Sets with more items than this together are taken apart, put together and dropped away from the loop; for one item
    /// that is some tenth of a microsecond.
    static let manyItems = 4096

    private static let threads = HelperThreads(count: 2)

    /// Drops the items away from the loop if there are many.
    static func drop(_ items: [Item]) {
        guard items.count > manyItems else { return }
        // When too much waits there, they are dropped here after all.
        _ = threads.submit { withExtendedLifetime(items) {} }
    }

    fileprivate static func submit(_ job: @escaping @Sendable () -> Void) -> Bool { threads.submit(job) }
}

/// The time that a row of steps may have on the loop before others get their turn.
struct Slice {
    private static let length: UInt64 = 1_000_000
    private var end: UInt64?

    /// To be asked between two steps, so that a single one costs nothing.
    mutating func isOver() -> Bool {
        let now = Clock.now()
        guard let end else {
            end = now &+ Self.length
            return false
        }
        return now >= end
    }
}

extension Invocation {
    /// Goes on with `job` in the loop's next turn, unless the invocation has ended by then.
    func later(_ job: @escaping () -> Void) {
        worker.loop.schedule(at: Clock.now()) {
            if !self.isFinished { job() }
        }
    }

    /// Does `work` away from the loop and goes on with `next` on it, unless the invocation has ended by then.
    func away<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, then next: @escaping (Value) -> Void
    ) {
        let loop = worker.loop
        // SAFETY of nonisolated(unsafe): both are touched on the loop only; the thread that works just carries them there.
        nonisolated(unsafe) let invocation = self
        nonisolated(unsafe) let next = next
        let isTaken = LongWork.submit {
            let value = work()
            loop.post {
                loop.begins(.sets)
                if !invocation.isFinished { next(value) }
            }
        }
        if !isTaken { finish(.failure(.init(.busy, "too many large sets are being taken apart already"))) }
    }
}
