import Dispatcher
import Engines
import Failure
import Foundation
import Items
import Registry
import Testing

/// Who gets in, whose turn it is, and what one invocation may have under way.
@Suite(.serialized) struct AdmissionTests {
    let node = TestNode.shared

    /// Runs `count` requests of function S (20 ms) at once; gives their outcomes with the order in which they ended.
    private func burst(
        _ count: Int, of tenant: Tenant?, by dispatcher: Dispatcher, function: String = "S",
        ended: @escaping @Sendable (Int, InvocationOutcome) -> Void
    ) -> DispatchGroup {
        let group = DispatchGroup()
        let worker = node.pool.workers[0]
        for _ in 0..<count { group.enter() }
        worker.loop.post {
            for index in 0..<count {
                dispatcher.invoke(
                    InvocationRequest(
                        target: .name(function),
                        inputs: [ItemSet(name: Blob("a"), items: [Item(ident: .empty, data: Blob("1"))])],
                        tenant: tenant), on: worker
                ) {
                    ended(index, $0)
                    group.leave()
                }
            }
        }
        return group
    }

    @Test func whatWouldWaitTooLongIsTurnedAway() throws {
        #expect(node.invoke(.name("S"), [["learns how long it takes"]]).failure == nil)
        let dispatcher = Dispatcher(
            catalogue: node.catalogue, admission: Admission(.init(queueDelay: 200_000_000)))
        let outcomes = Outcomes()
        let begun = TestNode.now()
        burst(200, of: nil, by: dispatcher) { outcomes.add($1) }.wait()
        let (served, refused) = outcomes.counts
        #expect(served + refused == 200)
        // 20 ms each: about as many as two engines do in the delay, and what the moving average is wrong by.
        #expect((1...60).contains(served), "\(served) were served")
        #expect(outcomes.failures.allSatisfy { $0.kind == .busy })
        #expect(outcomes.failures.allSatisfy { $0.cause == .transient(seconds: 1) })
        #expect(TestNode.now() - begun < 2_000_000_000)
        #expect(node.invoke(.name("E"), [["1"]]).texts == [["1"], []])
    }

    @Test func tenantsShareByWeightAndNotByDemand() throws {
        let dispatcher = Dispatcher(
            catalogue: node.catalogue,
            admission: Admission(.init(tenants: [.init(name: "heavy", weight: 3), .init(name: "light", weight: 1)])))
        let order = Order()
        let heavy = try dispatcher.admission.tenant(named: "heavy")
        let light = try dispatcher.admission.tenant(named: "light")
        // The light one comes first, with more.
        let first = burst(60, of: light, by: dispatcher) { _, _ in order.add("light") }
        let second = burst(30, of: heavy, by: dispatcher) { _, _ in order.add("heavy") }
        second.wait()
        let light1 = order.names.filter { $0 == "light" }.count
        first.wait()
        // While 30 of the heavy tenant's ran, 10 of the other's did; more before they came.
        #expect((8...20).contains(light1), "\(light1)")
    }

    @Test func aTenantHasALimitOfItsOwn() throws {
        let dispatcher = Dispatcher(
            catalogue: node.catalogue, admission: Admission(.init(tenants: [.init(name: "few", maxRequests: 3)])))
        let few = try dispatcher.admission.tenant(named: "few")
        let outcomes = Outcomes()
        let others = Outcomes()
        let first = burst(10, of: few, by: dispatcher) { outcomes.add($1) }
        let second = burst(10, of: nil, by: dispatcher) { others.add($1) }
        first.wait()
        second.wait()
        #expect(outcomes.counts == (3, 7))
        #expect(others.counts == (10, 0))
        #expect(few.requests == 0)
    }

    @Test func namesOfStrangersCostLittle() throws {
        let admission = Admission(.init())
        for index in 0..<100_000 { _ = try admission.tenant(named: "stranger-\(index)") }
        let kept = try admission.tenant(named: "stranger-7")
        #expect(kept.enter())
        for index in 0..<100_000 { _ = try admission.tenant(named: "other-\(index)") }
        #expect(try admission.tenant(named: "stranger-7") === kept, "whoever has requests in progress keeps the count")
        #expect(throws: Failure.self) { _ = try admission.tenant(named: String(repeating: "x", count: 65)) }
        #expect(throws: Failure.self) { _ = try admission.tenant(named: "") }
    }

    /// A request that fans out to many instances takes turns with one that comes later.
    @Test func aLargeFanOutDoesNotGetAheadOfOthers() throws {
        let names = try node.catalogue.standard.register(
            compositions: "function S(a, b) => (x, y); composition Wide(p) => (q) { S(a = each p) => (q = x); }",
            account: node.account)
        defer { for made in names { try? node.catalogue.standard.removeComposition(made.name) } }
        let finished = DispatchSemaphore(value: 0)
        let items = (0..<150).map { "\($0)" }
        nonisolated(unsafe) var wide: InvocationOutcome?
        Foundation.Thread.detachNewThread {
            wide = node.invoke(.name("Wide"), [items])
            finished.signal()
        }
        usleep(100_000)
        let begun = TestNode.now()
        #expect(node.invoke(.name("S"), [["1"]]).texts == [["1"], []])
        // All of the instances take 1.5 s.
        #expect(TestNode.now() - begun < 500_000_000)
        finished.wait()
        #expect(wide?.texts == [items])
        #expect(wide?.timeline.sandboxes == 150)
    }

    @Test func aHundredThousandInstancesEnd() throws {
        let names = try node.catalogue.standard.register(
            compositions: """
                function E(a, b) => (x, y);
                composition Inner(i) => (o) { E(a = all i) => (o = x); }
                composition Outer(p) => (q) { Inner(i = each p) => (q = o); }
                """, account: node.account)
        defer { for made in names.reversed() { try? node.catalogue.standard.removeComposition(made.name) } }
        let items = (0..<20_000).map { "\($0)" }
        #expect(node.invoke(.name("Outer"), [items]).texts == [items])
        #expect(node.contexts() == 0)
    }
}

private final class Outcomes: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `list` is used with the lock only.
    private let lock = NSLock()
    private var list: [InvocationOutcome] = []

    func add(_ outcome: InvocationOutcome) { lock.withLock { list.append(outcome) } }

    var failures: [Failure] { lock.withLock { list.compactMap(\.failure) } }
    var counts: (Int, Int) {
        lock.withLock { (list.count - list.compactMap(\.failure).count, list.compactMap(\.failure).count) }
    }
}

private final class Order: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `list` is used with the lock only.
    private let lock = NSLock()
    private var list: [String] = []

    func add(_ name: String) { lock.withLock { list.append(name) } }
    var names: [String] { lock.withLock { list } }
}
