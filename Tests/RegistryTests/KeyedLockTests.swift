import Foundation
import Synchronization
import Testing

@testable import Registry

@Suite struct KeyedLockTests {
    /// Threads with one key go one after another, and the others are not held up by them.
    @Test func oneAtATimeForAKey() {
        let lock = KeyedLock()
        let inside = Mutex([String: Int]())
        let worst = Mutex(0), bothKeys = Atomic<Bool>(false), rounds = Atomic<Int>(0)
        let threads = (0..<6).map { number in
            Thread {
                let key = number % 2 == 0 ? "even" : "odd"
                for _ in 0..<200 {
                    lock.alone(key) {
                        let (same, all) = inside.withLock { inside in
                            inside[key, default: 0] += 1
                            return (inside[key] ?? 0, inside.values.filter { $0 > 0 }.count)
                        }
                        worst.withLock { $0 = max($0, same) }
                        if all == 2 { bothKeys.store(true, ordering: .relaxed) }
                        sched_yield()
                        inside.withLock { $0[key, default: 0] -= 1 }
                    }
                    rounds.add(1, ordering: .sequentiallyConsistent)
                }
            }
        }
        for thread in threads { thread.start() }
        while rounds.load(ordering: .sequentiallyConsistent) < 1200 { usleep(1000) }
        #expect(worst.withLock { $0 } == 1)
        let metOthers = bothKeys.load(ordering: .relaxed)
        #expect(metOthers)
    }

    private struct Broken: Error {}

    @Test func anErrorLeavesTheLock() throws {
        let lock = KeyedLock()
        for _ in 0..<2 {
            #expect(throws: Broken.self) { try lock.alone("key") { () throws(Broken) -> Int in throw Broken() } }
        }
        #expect(lock.alone("key") { 1 } == 1)
    }
}
