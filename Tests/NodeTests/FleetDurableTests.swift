import Foundation
import PluginHarness
import Synchronization
import TestSupport
import Testing

/// Invocations that a fleet keeps: any node takes them, any node runs them, and the loss of one loses none.
@Suite(.serialized) struct FleetDurableTests {
    private let fleet = FleetTests()
    private static let http = """
        [plugins.http]
        path = "libDandelionHTTPComm.so"
        config = { allow_loopback = true }
        [functions.HTTP]
        plugin = "http"
        protocol = "http"
        """

    private func nodes(_ count: Int, _ servers: [NatsServer], cores: String = "all") throws -> [RunningNode] {
        try fleet.nodes(count, servers, cores: cores, more: Self.http)
    }

    private static func document(_ reply: RunningNode.Reply) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]) ?? [:]
    }

    private func register(_ guest: String, _ nodes: [RunningNode], memory: String = "1MiB") throws {
        #expect(try nodes[0].register(guest, class: "default", memory: memory).status == 201)
        try fleet.wait("\(guest) at all", within: 5) {
            nodes.allSatisfy { $0.request("GET", "/v1/functions/\(guest)").status == 200 }
        }
    }

    /// Its path.
    private func accept(_ node: RunningNode, _ name: String, _ body: [UInt8], _ more: [String] = []) throws -> String {
        let reply = node.request("POST", "/v1/invoke/\(name)", body, headers: ["Prefer: respond-async"] + more)
        try #require(reply.status == 202, "\(reply.status) \(reply.text)")
        return "/v1/invocations/" + (try #require(Self.document(reply)["id"] as? String))
    }

    private func end(_ path: String, _ node: RunningNode) -> [String: Any] {
        Self.document(node.request("GET", path + "?wait=30s"))
    }

    private func raw(_ path: String, _ node: RunningNode) -> [UInt8] {
        node.request("GET", path, headers: ["Accept: application/octet-stream"]).body
    }

    @Test func anyNodeTakesTellsAndEndsThem() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(3, [server], cores: "1")
        try register("echo_sets", nodes)
        try register("busy", nodes)
        let paths = try (0..<24).map { try accept(nodes[0], "busy", Array("\($0)".utf8)) }
        let ends = paths.map { end($0, nodes[2]) }
        #expect(ends.allSatisfy { $0["state"] as? String == "done" && $0["attempts"] as? Int == 1 }, "\(ends)")
        // Who is free takes what there is.
        #expect(Set(ends.compactMap { $0["node"] as? String }).count == 3)
        let listed =
            Self.document(nodes[1].request("GET", "/v1/invocations?limit=100"))["invocations"] as? [[String: Any]]
        #expect(listed?.count == 24)
        // One key, one invocation, wherever it is used.
        let key = ["Idempotency-Key: k"]
        let one = try accept(nodes[0], "echo_sets", [0x61], key)
        #expect(try accept(nodes[1], "echo_sets", [0x61], key) == one)
        #expect(nodes[2].request("POST", "/v1/invoke/echo_sets", [0x62], headers: key).status == 422)
        let same = nodes[2].request("POST", "/v1/invoke/echo_sets", [0x61], headers: key)
        #expect(same.status == 200 && same.text == "a", "\(same.status) \(same.text)")
        let fresh = nodes[1].request("POST", "/v1/invoke/echo_sets", [0x63], headers: ["Idempotency-Key: l"])
        #expect(fresh.status == 200 && fresh.text == "c", "\(fresh.status) \(fresh.text)")
        for node in nodes { #expect(node.stop() == 0) }
    }

    @Test func cancellingAndRetryingElsewhere() throws {
        guard let server = try NatsServer.alone() else { return }
        let web = try CountingServer()
        defer { web.stop() }
        let nodes = try nodes(2, [server])
        let path = try accept(nodes[0], "HTTP", Array(web.request("GET /hold").utf8))
        #expect(web.wait(for: "GET /hold"))
        let now = Self.document(nodes[0].request("GET", path))
        #expect(now["state"] as? String == "running", "\(now)")
        let other = try #require(nodes.first { "http://127.0.0.1:\($0.port)" != now["node"] as? String })
        func running(_ node: RunningNode) -> Bool {
            !node.request("GET", "/metrics").text.split(separator: "\n").contains("dandelion_durable_running 0")
        }
        try fleet.wait("it is counted", within: 5) { nodes.contains(where: running) }
        #expect(other.request("DELETE", path).status == 204)
        #expect(other.request("DELETE", path).status == 409)
        #expect(end(path, nodes[0])["state"] as? String == "cancelled")
        // Its node hears of it, and lets go.
        try fleet.wait("nothing runs", within: 5) { !nodes.contains(where: running) }
        web.release()
        #expect(other.request("POST", path + "/retry").status == 202)
        #expect(end(path, nodes[1])["state"] as? String == "done")
        #expect(nodes[0].request("GET", "/v1/invocations/0123456789abcdef").status == 404)
        for node in nodes { #expect(node.stop() == 0) }
    }

    /// Killed or hanging: what a node ran is run by another, with what its requests have led to.
    @Test(arguments: [SIGKILL, SIGSTOP]) func anotherNodeGoesOn(signal: Int32) throws {
        guard let server = try NatsServer.alone() else { return }
        let web = try CountingServer()
        defer { web.stop() }
        let nodes = try nodes(3, [server])
        let text = """
            function HTTP(request) => (response, body);
            composition Two(a, b) => (x, y) {
                HTTP(request = each a) => (x = body);
                HTTP(request = each b) => (y = body);
            }
            """
        #expect(nodes[0].request("PUT", "/v1/compositions/Two", Array(text.utf8)).status == 201)
        try fleet.wait("Two at all", within: 5) {
            nodes.allSatisfy { $0.request("GET", "/v1/compositions/Two").status == 200 }
        }
        func sets(_ sets: [(String, String)]) throws -> [UInt8] {
            let list = sets.map { ["name": $0.0, "items": [["ident": "i", "text": $0.1]]] as [String: Any] }
            return Array(try JSONSerialization.data(withJSONObject: ["sets": list]))
        }
        let json = ["Content-Type: application/json"]
        // One that was answered before, and one that was not.
        let answered = try accept(
            nodes[0], "Two", sets([("a", web.request("POST /order")), ("b", web.request("GET /hold/b"))]), json)
        #expect(web.wait(for: "POST /order") && web.wait(for: "GET /hold/b"))
        let unknown = try accept(nodes[0], "HTTP", Array(web.request("POST /hold/c").utf8))
        #expect(web.wait(for: "POST /hold/c"))
        // The answer to the order is kept before it is used, some round trips later.
        usleep(1_000_000)
        let holders = [answered, unknown].map { Self.document(nodes[0].request("GET", $0))["node"] as? String }
        web.release()
        let gone = nodes.filter { holders.contains("http://127.0.0.1:\($0.port)") }
        #expect(!gone.isEmpty && gone.count < 3)
        for node in gone { if signal == SIGKILL { _ = node.stop(SIGKILL) } else { node.signal(signal) } }
        let left = try #require(nodes.first { node in !gone.contains { $0 === node } })
        let first = end(answered, left)
        #expect(first["state"] as? String == "done" && first["attempts"] as? Int == 2, "\(first)")
        #expect(web.count("POST /order") == 1 && web.count("GET /hold/b") == 2)
        #expect("\(first["result"] ?? "")".contains("/order"))
        let second = end(unknown, left)
        #expect(second["state"] as? String == "uncertain", "\(second)")
        #expect(web.count("POST /hold/c") == 1)
        // What comes back has lost what it had.
        for node in gone where signal == SIGSTOP { node.signal(SIGCONT) }
        usleep(300_000)
        #expect(end(answered, left)["attempts"] as? Int == 2)
        #expect(left.request("POST", unknown + "/resume?decision=repeat").status == 202)
        #expect(end(unknown, left)["state"] as? String == "done")
        #expect(web.count("POST /hold/c") == 2 && web.count("POST /order") == 1)
    }

    /// What the engine does not take is kept by two nodes.
    @Test func longPayloadsOutliveANode() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(3, [server])
        try register("echo_sets", nodes, memory: "64MiB")
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
        let path = try accept(nodes[0], "echo_sets", body)
        #expect(end(path, nodes[1])["state"] as? String == "done")
        #expect(nodes.allSatisfy { raw(path, $0) == body })
        let holders = nodes.filter { node in
            let files = (try? FileManager.default.contentsOfDirectory(atPath: node.state + "/state/payloads")) ?? []
            return files.contains { $0.hasPrefix("result.") }
        }
        #expect(holders.count == 2)
        _ = holders[0].stop(SIGKILL)
        for node in nodes where node !== holders[0] { #expect(raw(path, node) == body) }
        #expect(nodes.first { $0 !== holders[0] }?.request("GET", "/v1/payloads/..%2Fdurable.sqlite").status == 404)
    }

    /// What others put into a queue of the engine is run, once each, whichever node gets it.
    @Test func messagesOfAQueueAreInvocations() throws {
        guard let server = try NatsServer.alone() else { return }
        let queue = "[fleet.queues.orders]\ninvoke = \"echo_sets\"\n"
        let nodes = try fleet.nodes(2, [server], more: queue)
        func list() -> [[String: Any]] {
            let all = Self.document(nodes[1].request("GET", "/v1/invocations?limit=100"))["invocations"]
            return all as? [[String: Any]] ?? []
        }
        // Those that come before the function is there wait for it.
        for number in 0..<20 {
            #expect(server.request("dandelion-queue.orders", "order \(number)")?.contains("seq") == true)
            if number == 10 { try register("echo_sets", nodes) }
        }
        try fleet.wait("all have ended", within: 20) {
            let all = list()
            return all.count == 20 && all.allSatisfy { $0["state"] as? String == "done" }
        }
        let texts = list().compactMap { $0["id"] as? String }.map { id in
            String(decoding: raw("/v1/invocations/\(id)", nodes[0]), as: UTF8.self)
        }
        #expect(Set(texts) == Set((0..<20).map { "order \($0)" }))
        for node in nodes { #expect(node.stop() == 0) }
    }

    @Test func withoutTheEngineNothingIsAccepted() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(2, [server])
        try register("echo_sets", nodes)
        let path = try accept(nodes[0], "echo_sets", [0x61])
        #expect(end(path, nodes[0])["state"] as? String == "done")
        server.kill()
        let refused = nodes[0].request("POST", "/v1/invoke/echo_sets", [1], headers: ["Prefer: respond-async"])
        #expect(refused.status == 503 && refused.head.lowercased().contains("retry-after:"), "\(refused)")
        #expect(nodes[1].request("GET", path).status == 503)
        #expect(nodes[0].request("POST", "/v1/invoke/echo_sets", [0x61]).text == "a")
        try server.start()
        try fleet.wait("it is known again", within: 20) { raw(path, nodes[1]) == [0x61] }
        try fleet.wait("accepting works again", within: 20) {
            nodes[0].request("POST", "/v1/invoke/echo_sets", [1], headers: ["Prefer: respond-async"]).status == 202
        }
    }

    private static let kills = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 4 : 200

    /// What clients and the one that kills share.
    private struct Shared {
        var nodes: [RunningNode]
        var acknowledged: [String: String] = [:]
        var isOver = false
    }

    /// Nodes are killed at random moments while clients have others keep invocations.
    @Test func nothingAcknowledgedIsLostOrDoubled() throws {
        guard let server = try NatsServer.alone() else { return }
        let first = try nodes(3, [server])
        try register("echo_sets", first)
        let shared = Mutex(Shared(nodes: first))
        let group = DispatchGroup()
        for client in 0..<3 {
            group.enter()
            Thread.detachNewThread {
                for number in 0... {
                    if shared.withLock({ $0.isOver }) { break }
                    let key = "\(client)-\(number)"
                    let fields = ["Prefer: respond-async", "Idempotency-Key: \(key)"]
                    while true {
                        let node = shared.withLock { $0.nodes.randomElement() ?? first[0] }
                        let reply = node.request("POST", "/v1/invoke/echo_sets", Array(key.utf8), headers: fields)
                        if reply.status == 202, let id = Self.document(reply)["id"] as? String {
                            shared.withLock { $0.acknowledged[key] = id }
                            break
                        }
                        // A node that has just come does not know the function yet.
                        #expect([0, 404, 429, 503].contains(reply.status), "\(reply.status) \(reply.text)")
                        usleep(5_000)
                    }
                }
                group.leave()
            }
        }
        for kill in 0..<Self.kills {
            usleep(UInt32.random(in: 1_000...400_000))
            let old = shared.withLock { $0.nodes[kill % 3] }
            _ = old.stop(SIGKILL)
            let new = try RunningNode(config: FleetTests.config([server], more: Self.http))
            shared.withLock { $0.nodes[kill % 3] = new }
        }
        shared.withLock { $0.isOver = true }
        group.wait()
        let (node, acknowledged) = shared.withLock { ($0.nodes[0], $0.acknowledged) }
        for (key, id) in acknowledged {
            let end = end("/v1/invocations/\(id)", node)
            #expect(end["state"] as? String == "done", "\(key): \(end)")
            #expect(raw("/v1/invocations/\(id)", node) == Array(key.utf8))
        }
        var seen: [String] = []
        var after = ""
        repeat {
            let page = Self.document(node.request("GET", "/v1/invocations?limit=1000" + after))
            seen += (page["invocations"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            after = (page["next"] as? String).map { "&after=\($0)" } ?? ""
        } while after != ""
        #expect(Set(seen) == Set(acknowledged.values) && seen.count == acknowledged.count)
        print("kills: \(Self.kills), acknowledged \(acknowledged.count), doubled \(seen.count - acknowledged.count)")
    }
}
