import Foundation
import Testing

/// The node is killed at random moments while clients have it keep invocations: none that it acknowledged is lost, and none is there
/// twice, although clients repeat what was not acknowledged.
@Suite(.serialized) struct DurableKillTests {
    private static let kills = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 10 : 1000
    private static let clients = 4

    /// What clients and the one that kills share.
    private final class Shared: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: everything is guarded by `lock`.
        private let lock = NSLock()
        private var current: RunningNode
        private var isOver = false
        private var acknowledged: [String: String] = [:]

        init(_ node: RunningNode) { current = node }

        var node: RunningNode {
            get { lock.withLock { current } }
            set { lock.withLock { current = newValue } }
        }

        var hasEnded: Bool {
            get { lock.withLock { isOver } }
            set { lock.withLock { isOver = newValue } }
        }

        func note(_ key: String, _ id: String) { lock.withLock { acknowledged[key] = id } }
        var all: [String: String] { lock.withLock { acknowledged } }
    }

    private static func document(_ reply: RunningNode.Reply) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]) ?? [:]
    }

    /// Has invocations kept, each as often as it takes until it is acknowledged.
    private static func send(_ client: Int, _ shared: Shared) {
        for number in 0... {
            let key = "\(client)-\(number)"
            let fields = ["Prefer: respond-async", "Idempotency-Key: \(key)"]
            while true {
                let reply = shared.node.request("POST", "/v1/invoke/echo_sets", Array(key.utf8), headers: fields)
                if reply.status == 202, let id = document(reply)["id"] as? String {
                    shared.note(key, id)
                    break
                }
                #expect([0, 202, 429, 503].contains(reply.status), "\(reply.status) \(reply.text)")
                usleep(5_000)
            }
            if shared.hasEnded { return }
        }
    }

    @Test func nothingAcknowledgedIsLostOrDoubled() throws {
        let first = try RunningNode()
        defer { withExtendedLifetime(first) {} }
        #expect(try first.register("echo_sets", class: "process").status == 201)
        let shared = Shared(first)
        let group = DispatchGroup()
        for client in 0..<Self.clients {
            DispatchQueue.global().async(group: group) { Self.send(client, shared) }
        }
        for _ in 0..<Self.kills {
            usleep(UInt32.random(in: 1_000...400_000))
            _ = shared.node.stop(SIGKILL)
            shared.node = try RunningNode(state: first.state)
        }
        shared.hasEnded = true
        group.wait()
        let (node, acknowledged) = (shared.node, shared.all)
        for (key, id) in acknowledged {
            let end = Self.document(node.request("GET", "/v1/invocations/\(id)?wait=60s"))
            #expect(end["state"] as? String == "done", "\(key): \(end)")
            let raw = node.request("GET", "/v1/invocations/\(id)", headers: ["Accept: application/octet-stream"])
            #expect(raw.text == key)
        }
        var seen: [String] = []
        var after = ""
        repeat {
            let page = Self.document(node.request("GET", "/v1/invocations?limit=1000" + after))
            seen += (page["invocations"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            after = (page["next"] as? String).map { "&after=\($0)" } ?? ""
        } while after != ""
        #expect(Set(seen) == Set(acknowledged.values) && seen.count == acknowledged.count)
        print(
            "kills: \(Self.kills), acknowledged \(acknowledged.count), lost 0 and doubled \(seen.count - acknowledged.count)"
        )
        #expect(node.stop() == 0)
    }
}
