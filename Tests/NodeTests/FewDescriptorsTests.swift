import Foundation
import PluginHarness
import Synchronization
import Testing

/// A node that may open few files, and is sent more large items than that: each of them takes a file (decision 0027).
@Suite(.serialized) struct FewDescriptorsTests {
    private static let clients = 120
    private static let rounds = 5
    /// Sockets of sandboxes that were made late.
    private static let slack = 6 * ProcessInfo.processInfo.activeProcessorCount

    /// Each client gets its bytes back or is told to come again; nothing is kept, and others are served afterwards.
    @Test(arguments: SharedItemTests.classes) func largeItemsAreAnsweredOrRefused(runClass: String) throws {
        let files = try leastFiles() + 16
        let node = try RunningNode(wrapper: ["prlimit", "--nofile=\(files):\(files)"])
        #expect(try node.register("echo_sets", class: runClass, memory: "16MiB").status == 201)
        let once = Self.body(0)
        #expect(node.request("POST", "/v1/invoke/echo_sets", once).body == once)
        // Most sandboxes are there then, each of which has a socket.
        for _ in 0..<4 { atOnce(16) { _ = node.request("POST", "/v1/invoke/echo_sets", Self.body(UInt8($0))) } }
        let before = node.sockets
        let outcomes = Mutex<[Int: Int]>([:])
        for round in 0..<Self.rounds {
            atOnce(Self.clients) { client in
                let body = Self.body(UInt8(client + round))
                let reply = node.request("POST", "/v1/invoke/echo_sets", body)
                outcomes.withLock { $0[reply.status, default: 0] += 1 }
                switch reply.status {
                case 200: #expect(reply.body == body)
                case 429, 503: #expect(reply.head.lowercased().contains("retry-after"), "\(reply.text)")
                // Not accepted, or closed to make room for others.
                case 0: break
                default: Issue.record("\(reply.status) \(reply.text)")
                }
            }
        }
        let found = outcomes.withLock { $0 }
        print("\(runClass): \(found.sorted { $0.key < $1.key })")
        #expect(found[200, default: 0] > 0)
        #expect(node.isRunning)
        #expect(node.request("POST", "/v1/invoke/echo_sets", once).body == once)
        let most = before + Self.slack
        for _ in 0..<50 where node.sockets > most { usleep(100_000) }
        #expect(node.sockets <= most, "\(node.sockets), \(before) before")
        #expect(node.stop() == 0)
    }

    /// What a node that may open too few says it needs.
    private func leastFiles() throws -> Int {
        do {
            _ = try RunningNode(wrapper: ["prlimit", "--nofile=64:64"])
        } catch let error as RunningNode.DidNotStart {
            let said = try #require(error.log.firstMatch(of: /and (\d+) are needed/))
            return try #require(Int(said.1))
        }
        throw NodeStarted()
    }

    private struct NodeStarted: Error {}

    private func atOnce(_ count: Int, _ work: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            Thread.detachNewThread {
                work(index)
                group.leave()
            }
        }
        group.wait()
    }

    private static func body(_ seed: UInt8) -> [UInt8] { [UInt8](repeating: seed &+ 1, count: 3 << 20) }
}
