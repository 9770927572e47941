@testable import Dispatcher
import Engines
import Failure
import Items
import Memory
import Testing

@testable import Frontend

/// Buffers and protocol state of connections are on the node's account.
@Suite struct ConnectionMemoryTests {
    @Test func receiveBuffersAreChargedAndBounded() throws {
        let budget = MemoryBudget(limit: 1 << 20)
        do {
            let pool = BufferPool(budget.own)
            var charged: [Int] = []
            // An eighth: eight buffers of 16 KiB.
            var taken: [HeldStorage] = []
            while let buffer = try? pool.take() {
                taken.append(buffer)
                charged.append(budget.used(.connections))
            }
            #expect(charged == (1...8).map { $0 * BufferPool.bufferSize })
            #expect(throws: Problem.self) { try pool.take() }
            // What is given back serves the next; a buffer that somebody keeps stays charged.
            pool.give(taken.removeLast())
            #expect(try pool.take().capacity == BufferPool.bufferSize)
        }
        #expect(budget.used(.connections) == 0)
    }

    @Test func outputsAreChargedWhereTheyAreKept() throws {
        let budget = MemoryBudget(limit: 1 << 20)
        let tenant = budget.account(named: "t")
        do {
            let reply = OutputBuffer(tenant, .answers)
            try reply.reserve(100_000)
            #expect(budget.used(.answers) >= 100_000 && tenant.used >= 100_000)
            #expect(throws: Failure.self) { try OutputBuffer(tenant, .answers).reserve(400_000) }
            reply.append([UInt8](repeating: 1, count: 100_000))
            #expect(budget.used(.answers) < 110_000)
            // Another buffer refers to it: it stays charged for as long.
            let output = OutputBuffer(budget.own)
            output.append(contentsOf: reply)
            reply.reset()
            #expect(budget.used(.answers) >= 100_000)
            output.consume(100_000)
            #expect(budget.used(.answers) < 10_000)
        }
        #expect(budget.used(.answers) == 0 && budget.used(.connections) == 0)
    }

    @Test func repliesThatDoNotFitAreRefusedBeforeTheyAreMade() throws {
        let budget = MemoryBudget(limit: 4 << 20)
        let tenant = budget.account(named: "t")
        let items = (0..<3000).map { ("item \($0)", UInt32($0), [UInt8](repeating: 7, count: 1000)) }
        for type in ["application/bson", "multipart/form-data", "application/json"] {
            let outputs = Outputs(declared: [Blob("s")], sets: [ItemSet("s", items)])
            let outcome = InvocationOutcome(
                result: .success(outputs), exitCode: 0, timeline: InvocationTimeline())
            let reply = OutputReply(outputs, of: outcome, accept: Array(type.utf8))
            #expect(throws: Problem.self, "\(type)") { try reply.response(tenant) }
        }
        #expect(budget.used(.answers) == 0)
    }

    @Test func whatHTTP2HoldsIsCharged() throws {
        let budget = MemoryBudget(limit: 64 << 20)
        do {
            let session = try #require(HTTP2Session(limits: Limits(budget: budget)))
            let fresh = budget.used(.connections)
            #expect(fresh > 4 << 10, "nothing is counted")
            #expect("\(HTTP2Session.preface)".withBytes { session.receive($0) })
            let requests = [Frame.settings] + (0..<50).map { Frame.request(1 + 2 * $0, "GET", "/") }
            #expect(requests.flatMap(\.bytes).withUnsafeBytes { session.receive($0) })
            #expect(budget.used(.connections) > fresh + 8_000)
        }
        #expect(budget.used(.connections) == 0)
        // Where connections hold what they may, there is no session.
        let full = MemoryBudget(limit: 256 << 10)
        let held = try MemoryHold(32 << 10, full.own, .connections)
        withExtendedLifetime(held) { #expect(HTTP2Session(limits: Limits(budget: full)) == nil) }
    }
}
