import Dispatcher
import Engines
import Failure
import Foundation
import Items
import PluginHost
import Registry
import TestSupport
import Testing

/// Requests of communication functions are made again where that is safe, and only there.
@Suite(.serialized) struct TransferTests {
    let node = TestNode.shared

    private func dispatcher(_ name: String) throws -> Dispatcher {
        let library = try PluginLibrary(path: try ScriptedComm.compile(name))
        let backend = try CommBackend(try library.start(label: name, configuration: .empty))
        let function = CommFunction(
            name: "Lie", backend: backend, protocolIndex: 0, timeout: 5_000_000_000, maxResponse: 1 << 20)
        let folder = PluginFixture.directory.appendingPathComponent("state-\(name)").path
        return Dispatcher(
            catalogue: Catalogue(
                store: try Store(directory: folder), classes: [], communications: [function], imageCache: 0, cores: 1))
    }

    private func invoke(_ letter: String, by dispatcher: Dispatcher, deadline: UInt64 = 0) throws -> InvocationOutcome {
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var outcomes: [InvocationOutcome] = []
        let worker = node.pool.workers[0]
        worker.loop.post {
            let inputs = [ItemSet(name: Blob("requests"), items: [Item(ident: .empty, data: Blob(letter))])]
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
