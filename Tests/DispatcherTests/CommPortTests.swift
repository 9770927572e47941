import Engines
import Failure
import Foundation
import Items
import PluginHost
import TestSupport
import Testing

@Suite(.serialized) struct CommPortTests {
    let node = TestNode.shared

    /// A reactor that fails gives no completions: without an end from the host its requests would wait for ever.
    @Test func aReactorThatFailsEndsItsRequestsAndIsReplaced() throws {
        let library = try PluginLibrary(path: try ScriptedComm.compile("failing"))
        let backend = try CommBackend(try library.start(label: "failing", configuration: .empty))
        #expect(try submit("P", to: backend)?.detail.contains("scripted failure") == true)
        // The next one finds a reactor that works.
        #expect(try submit("Y", to: backend) == nil)
    }

    /// A descriptor that is always readable must not keep a core of an idle node busy.
    @Test func aReactorThatWakesForEverIsNotHeard() throws {
        let library = try PluginLibrary(path: try ScriptedComm.compile("waking"))
        let backend = try CommBackend(try library.start(label: "waking", configuration: .empty))
        #expect(try submit("W", to: backend) == nil)
        usleep(1_000_000)
        let before = clock()
        usleep(300_000)
        // Of 300 ms of one core; clock(3) counts in microseconds.
        #expect(clock() - before < 100_000)
        #expect(try submit("Y", to: backend) == nil)
    }

    private func submit(_ letter: String, to backend: CommBackend) throws -> Failure? {
        nonisolated(unsafe) var failures: [Failure?] = []
        let done = DispatchSemaphore(value: 0)
        let worker = node.pool.workers[0]
        worker.loop.post {
            do throws(Failure) {
                _ = try worker.port(for: backend).submit(
                    protocol: 0, signature: 0, inputs: [Blob(letter)], deadline: 0, maxResponse: 0,
                    account: node.account
                ) {
                    failures.append($0.failure)
                    done.signal()
                }
            } catch {
                failures.append(error)
                done.signal()
            }
        }
        try #require(done.wait(timeout: .now() + 5) == .success)
        #expect(failures.count == 1)
        return failures.first ?? nil
    }
}
