import Dispatcher
import Engines
import Failure
import Foundation
import Items
import Memory
import PluginHost
import Registry
import TestSupport
import Testing

/// Requests of communication functions are made again where that is safe, and only there.
@Suite(.serialized) struct TransferTests {
    let node = TestNode.shared

    private func dispatcher(_ name: String, budget: MemoryBudget = MemoryBudget()) throws -> Dispatcher {
        let library = try PluginLibrary(path: try ScriptedComm.compile(name))
        let backend = try CommBackend(try library.start(label: name, configuration: .empty))
        let function = CommFunction(
            name: "Lie", backend: backend, protocolIndex: 0, timeout: 5_000_000_000, maxResponse: 1 << 20)
        let folder = PluginFixture.directory.appendingPathComponent("state-\(name)").path
        return Dispatcher(
            catalogue: Catalogue(
                store: try Store(directory: folder), classes: [], communications: [function], imageCache: 0, cores: 1),
            admission: Admission(budget: budget))
    }

    private func invoke(
        _ letter: String, times: Int = 1, by dispatcher: Dispatcher, deadline: UInt64 = 0
    ) throws -> InvocationOutcome {
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var outcomes: [InvocationOutcome] = []
        let worker = node.pool.workers[0]
        worker.loop.post {
            let inputs = [
                ItemSet(
                    name: Blob("requests"),
                    items: Array(repeating: Item(ident: .empty, data: Blob(letter)), count: times))
            ]
            dispatcher.invoke(
                InvocationRequest(target: .name("Lie"), inputs: inputs, deadline: deadline), on: worker
            ) {
                outcomes.append($0)
                done.signal()
            }
        }
        try #require(done.wait(timeout: .now() + 10) == .success)
        usleep(20_000)
        #expect(outcomes.count == 1, "exactly one reply")
        return outcomes[0]
    }

    @Test func whatWasNotSentIsMadeAgain() throws {
        let outcome = try invoke("R", by: try dispatcher("refusing"))
        #expect(outcome.texts == [["yes"]])
        #expect(outcome.timeline.requests == 3)
    }

    @Test func whatMayBeMadeTwiceIs() throws {
        let outcome = try invoke("I", by: try dispatcher("idempotent"))
        #expect(outcome.texts == [["yes"]])
        #expect(outcome.timeline.requests == 3)
    }

    /// A plugin that charges nothing may take what each of its requests allows.
    @Test func requestsWaitUntilThereIsRoomForTheirAnswers() throws {
        // The share of the tenant has room for one at once.
        let budget = MemoryBudget(limit: 4 << 20)
        let dispatcher = try dispatcher("waiting", budget: budget)
        do {
            let outcome = try invoke("Y", times: 40, by: dispatcher)
            #expect(outcome.texts == [Array(repeating: "yes", count: 40)])
            #expect(outcome.timeline.requests == 40)
            #expect(budget.used(.replies) > 0)
        }
        #expect(budget.used(.replies) == 0)
    }

    @Test func answersThatDoNotFitAreRefused() throws {
        let budget = MemoryBudget(limit: 4 << 20)
        let outcome = try invoke("L", times: 40, by: try dispatcher("full", budget: budget))
        #expect(outcome.failure?.kind == .busy)
        // Its own 1 MiB and that of the plugin, of 1.5 MiB.
        #expect(outcome.timeline.requests == 1)
        #expect(budget.used(.replies) == 0)
    }

    @Test func whatMayHaveHappenedIsNotMadeAgain() throws {
        let outcome = try invoke("M", by: try dispatcher("once"))
        #expect(outcome.failure?.kind == .upstream)
        #expect(outcome.timeline.requests == 1)
    }

    @Test func thereIsNoPauseBeyondTheDeadline() throws {
        let dispatcher = try dispatcher("hurried")
        let begun = TestNode.now()
        let outcome = try invoke("R", by: dispatcher, deadline: begun + 20_000_000)
        // On a busy machine the deadline itself may come first.
        #expect([.upstream, .deadline].contains(outcome.failure?.kind))
        #expect(TestNode.now() - begun < 1_000_000_000)
    }
}
