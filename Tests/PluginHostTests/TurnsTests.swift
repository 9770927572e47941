import Failure
import Glibc
import Platform
import Synchronization
import Testing

@testable import PluginHost

/// Long work in turns, and helpers that are replaced while they are away.
@Suite(.serialized) struct TurnsTests {
    private func wait(_ what: String, _ condition: () -> Bool) {
        for _ in 0..<5000 where !condition() { usleep(1000) }
        #expect(condition(), "\(what)")
    }

    /// Four jobs that never end leave two threads for others.
    @Test func whatIsLongStandsBeforeNobody() {
        let pool = HelperThreads(count: 2)
        let shared = Shared()
        for _ in 0..<4 {
            #expect(
                pool.submit {
                    HelperThreads.away {
                        shared.away.add(1, ordering: .relaxed)
                        while !shared.stop.load(ordering: .relaxed) { usleep(1000) }
                    }
                })
        }
        wait("all four are away") { shared.away.load(ordering: .relaxed) == 4 }
        for _ in 0..<100 { #expect(pool.submit { shared.done.add(1, ordering: .relaxed) }) }
        wait("short jobs are done") { shared.done.load(ordering: .relaxed) == 100 }
        shared.stop.store(true, ordering: .relaxed)
    }

    private final class Shared: Sendable {
        let away = Atomic(0)
        let done = Atomic(0)
        let stop = Atomic(false)
        let order = Mutex<[String]>([])
        let isCancelled = Atomic(false)
    }

    /// Takes a turn on a tenant's behalf, and keeps it until `stop`.
    private func work(
        _ turns: Turns, _ tenant: String, _ pool: HelperThreads, _ shared: Shared, _ kind: Turns.Kind = .awaited
    ) {
        _ = pool.submit {
            Turns.working(for: Turns.Caller(tenant: tenant)) {
                guard let turn = try? turns.begin(kind) else { return }
                shared.order.withLock { $0.append(tenant) }
                while !shared.stop.load(ordering: .relaxed) { usleep(1000) }
                turns.end(turn)
                shared.done.add(1, ordering: .relaxed)
            }
        }
    }

    @Test func oneTenantHasHalfOfTheTurns() {
        let turns = Turns(slots: 2)
        let pool = HelperThreads(count: 8)
        let shared = Shared()
        for _ in 0..<3 { work(turns, "a", pool, shared) }
        wait("the first has begun") { shared.order.withLock { $0 } == ["a"] }
        usleep(50_000)
        #expect(shared.order.withLock { $0 } == ["a"])
        work(turns, "b", pool, shared)
        wait("another tenant's begins at once") { shared.order.withLock { $0 } == ["a", "b"] }
        work(turns, "c", pool, shared, .improvement)
        wait("improvements have a turn of their own") { shared.order.withLock { $0 } == ["a", "b", "c"] }
        shared.stop.store(true, ordering: .relaxed)
        wait("all have their turn") { shared.done.load(ordering: .relaxed) == 5 }
    }

    @Test func whoMustNotWaitIsRefused() {
        let turns = Turns(slots: 2)
        let caller = Turns.Caller(mayWait: false)
        _ = Turns.working(for: caller) {
            #expect(throws: Failure.self) { try turns.begin(.awaited) }
        }
        #expect(caller.wasRefused)
    }

    @Test func theEndOfTheNodeEndsAllWaiting() {
        let turns = Turns(slots: 2)
        let pool = HelperThreads(count: 4)
        let shared = Shared()
        for _ in 0..<2 { work(turns, "a", pool, shared) }
        wait("one has begun") { shared.order.withLock { $0.count } == 1 }
        _ = pool.submit {
            Turns.working(for: Turns.Caller(tenant: "a")) {
                do throws(Failure) { _ = try turns.begin(.awaited) } catch {
                    shared.isCancelled.store(error.kind == .cancelled, ordering: .relaxed)
                }
            }
        }
        usleep(20_000)
        turns.close()
        wait("whoever waits is cancelled") { shared.isCancelled.load(ordering: .relaxed) }
        shared.stop.store(true, ordering: .relaxed)
    }
}
