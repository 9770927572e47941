import Foundation
import PluginHarness
import Synchronization
import TestSupport
import Testing

/// Several nodes on this machine that share a registry and their work.
@Suite(.serialized) struct FleetTests {
    static func config(_ servers: [NatsServer], cores: String = "all", more: String = "") -> String {
        let urls = servers.map { "\"\($0.url)\"" }.joined(separator: ", ")
        return """
            [node]
            cores = \(cores == "all" ? "\"all\"" : cores)
            drain_timeout = "5s"
            queue_delay = "20s"
            [plugins.process]
            path = "libDandelionProcess.so"
            [plugins.peers]
            path = "libDandelionHTTPComm.so"
            config = { allow_loopback = true }
            [plugins.nats]
            path = "libDandelionNATS.so"
            config = { servers = [\(urls)], lease_ms = 1000, ack_wait_ms = 1000, replicas = \(servers.count) }
            [classes.default]
            backends = ["process"]
            [fleet]
            plugin = "nats"
            transport = "peers"
            \(more)
            """
    }

    func nodes(
        _ count: Int, _ servers: [NatsServer], cores: String = "all", more: String = ""
    ) throws -> [RunningNode] {
        let config = Self.config(servers, cores: cores, more: more)
        let nodes = try (0..<count).map { _ in try RunningNode(config: config) }
        for node in nodes {
            try wait("all nodes know one another", within: 20) { Self.members(node).count == count }
        }
        return nodes
    }

    static func members(_ node: RunningNode) -> [[String: Any]] {
        let reply = node.request("GET", "/v1/nodes")
        let read = try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
        guard read?["engine"] as? String == "reached" else { return [] }
        return read?["nodes"] as? [[String: Any]] ?? []
    }

    func wait(_ what: String, within seconds: Double, until condition: () -> Bool) throws {
        let end = Date().addingTimeInterval(seconds)
        while !condition() {
            try #require(Date() < end, "not within \(seconds) s: \(what)")
            usleep(10_000)
        }
    }

    private static let shout =
        "function hello(in) => (out);\ncomposition Greet(x) => (y) { hello(in = all x) => (y = out); }"

    @Test func whatOneNodeRegistersAllHave() throws {
        guard let server = try NatsServer.alone() else { return }
        var nodes = try nodes(3, [server])
        #expect(try nodes[0].register("hello", class: "default").status == 201)
        for node in nodes {
            try wait("hello at every node", within: 3) { node.request("POST", "/v1/invoke/hello", [1]).status == 200 }
        }
        try wait("hello in every list", within: 2) {
            nodes.allSatisfy { $0.request("GET", "/v1/functions/hello").status == 200 }
        }
        // The next version, wherever it is registered, and an alias.
        #expect(try nodes[1].register("hello", class: "default").text.contains("\"version\":2,"))
        #expect(nodes[1].request("PUT", "/v1/aliases/hello@prod?to=1").status == 200)
        try wait("version and alias at every node", within: 3) {
            nodes.allSatisfy { node in
                ["hello@1", "hello@2", "hello@prod"].allSatisfy {
                    node.request("POST", "/v1/invoke/\($0)", [1]).status == 200
                }
            }
        }
        try wait("another node can go on from there", within: 3) {
            nodes[2].request("PUT", "/v1/aliases/hello@prod?to=2").status == 200
        }
        try wait("what it points to is everywhere", within: 3) {
            nodes.allSatisfy { $0.request("GET", "/v1/aliases/hello@prod").text.contains("{\"version\":2,") }
        }
        #expect(nodes[1].request("PUT", "/v1/compositions/Greet", Array(Self.shout.utf8)).status == 201)
        for node in nodes {
            try wait("Greet at every node", within: 2) {
                node.request("POST", "/v1/invoke/Greet", [1]).text.contains("hello, world")
            }
        }
        // Others' compositions keep what they use.
        #expect(nodes[2].request("DELETE", "/v1/functions/hello").status == 409)
        // A node that comes later, and one that comes back after kill -9.
        nodes.append(try RunningNode(config: Self.config([server])))
        let kept = FileManager.default.temporaryDirectory.appending(path: "dandelion-kept-\(UUID())").path
        _ = nodes[0].stop(SIGKILL)
        try FileManager.default.copyItem(atPath: nodes[0].state, toPath: kept)
        nodes[0] = try RunningNode(config: Self.config([server]), state: kept)
        for node in [nodes[0], nodes[3]] {
            try wait("Greet at a node that came later", within: 5) {
                node.request("GET", "/v1/compositions/Greet").status == 200
            }
        }
        // What is removed is removed everywhere, and does not come back.
        #expect(nodes[3].request("DELETE", "/v1/compositions/Greet").status == 204)
        try wait("Greet is gone", within: 2) {
            nodes.allSatisfy { $0.request("GET", "/v1/compositions/Greet").status == 404 }
        }
        #expect(nodes[0].request("DELETE", "/v1/functions/hello").status == 204)
        try wait("hello is gone", within: 2) {
            nodes.allSatisfy { node in
                ["hello", "hello@1", "hello@2", "hello@prod"].allSatisfy {
                    node.request("POST", "/v1/invoke/\($0)", [1]).status == 404
                }
            }
        }
        for node in nodes { #expect(node.stop() == 0) }
    }

    /// When all that had an image are gone for good, the name is not lost with it.
    @Test func whatIsLostIsRegisteredAnew() throws {
        guard let server = try NatsServer.alone() else { return }
        var node = try nodes(1, [server])[0]
        #expect(try node.register("hello", class: "default").status == 201)
        _ = node.stop(SIGKILL)
        node = try nodes(1, [server])[0]
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 404)
        #expect(try node.register("hello", class: "default").text.contains("replace=true"))
        let path = "/v1/functions/hello?class=default&inputs=in&outputs=out&memory=1MiB&replace=true"
        #expect(node.request("PUT", path, try GuestCompiler.image("hello")).status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
    }

    /// Whoever is told that it registered something has a version of its own, and the others are told that they lost.
    @Test func ofTwoAtOnceOneWins() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(2, [server])
        let image = try GuestCompiler.image("hello")
        for round in 0..<8 {
            let path = "/v1/functions/f\(round)?class=default&inputs=in&outputs=out&memory=1MiB"
            let replies = together(8) { nodes[$0 % 2].request("PUT", path, image) }
            let won = replies.filter { $0.status == 201 }.map { $0.text.firstMatch(of: /"version":\d+/)?.output }
            #expect(!won.isEmpty && Set(won).count == won.count, "\(won)")
            #expect(replies.allSatisfy { $0.status == 201 || $0.status == 409 }, "\(replies.map(\.status))")
        }
    }

    @Test func aNodeThatIsFullPassesWorkOn() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(2, [server], cores: "1")
        let made = try nodes[0].register("busy", class: "default")
        #expect(made.status == 201, "\(made.text)")
        try wait("busy at the other", within: 10) { nodes[1].request("GET", "/v1/functions/busy").status == 200 }
        let replies = together(24) { _ in nodes[0].request("POST", "/v1/invoke/busy", [1]) }
        #expect(replies.allSatisfy { $0.status == 200 && $0.text == "done" }, "\(replies.map(\.status))")
        let places = Set(replies.map { Self.place($0) })
        #expect(places == Set(nodes.map { "http://127.0.0.1:\($0.port)" }))
        // What was passed on is not passed on again.
        let barred = together(8) { _ in
            nodes[0].request("POST", "/v1/invoke/busy", [1], headers: ["Dandelion-Forwarded: http://x:1"])
        }
        #expect(Set(barred.map { Self.place($0) }) == ["http://127.0.0.1:\(nodes[0].port)"])
    }

    static func place(_ reply: RunningNode.Reply) -> String {
        let line = reply.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("dandelion-node:") }
        return line.map { $0.dropFirst("dandelion-node:".count).trimmingCharacters(in: .whitespaces) } ?? ""
    }

    /// A function alone is pure: whoever passed it on runs it elsewhere when the node that had it is gone, or hangs.
    @Test(arguments: [SIGKILL, SIGTERM, SIGSTOP]) func theEndOfANodeCostsNoRequest(signal: Int32) throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(3, [server], cores: "1")
        #expect(try nodes[0].register("busy", class: "default").status == 201)
        try wait("busy at all", within: 5) {
            nodes.allSatisfy { $0.request("GET", "/v1/functions/busy").status == 200 }
        }
        let isOver = Atomic<Bool>(false)
        let began = Atomic<Int>(0)
        let replies = together(7) { index -> [RunningNode.Reply] in
            guard index < 6 else {
                while began.load(ordering: .relaxed) < 30 { usleep(2_000) }
                nodes[1].signal(signal)
                let now = began.load(ordering: .relaxed)
                while began.load(ordering: .relaxed) < now + 60 { usleep(2_000) }
                isOver.store(true, ordering: .relaxed)
                return []
            }
            var replies: [RunningNode.Reply] = []
            while !isOver.load(ordering: .relaxed) {
                let time = ["Dandelion-Timeout: 10s"]
                replies.append(nodes[0].request("POST", "/v1/invoke/busy", [1], headers: time))
                began.add(1, ordering: .relaxed)
            }
            return replies
        }.flatMap { $0 }
        #expect(replies.count >= 90)
        #expect(replies.filter { $0.status != 200 }.map(\.text) == [])
        #expect(replies.contains { Self.place($0) == "http://127.0.0.1:\(nodes[1].port)" })
        try wait("the node is forgotten", within: 5) { Self.members(nodes[0]).count == 2 }
    }

    @Test func withoutTheEngineWorkGoesOn() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(2, [server])
        #expect(try nodes[0].register("hello", class: "default").status == 201)
        server.kill()
        #expect(nodes[0].request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(try nodes[0].register("hello", as: "other", class: "default").status == 503)
        #expect(nodes[0].request("DELETE", "/v1/functions/hello").status == 503)
        try wait("the nodes are alone", within: 5) { Self.members(nodes[0]).isEmpty }
        #expect(nodes[1].request("POST", "/v1/invoke/hello", [1]).status == 200)
        try server.start()
        try wait("the fleet is there again", within: 15) { Self.members(nodes[0]).count == 2 }
        try wait("registering works again", within: 10) {
            (try? nodes[0].register("hello", as: "other", class: "default").status) == 201
        }
        try wait("other at all", within: 2) { nodes[1].request("POST", "/v1/invoke/other", [1]).status == 200 }
    }

    /// With three servers, each node at another first, the loss of one is no matter for work, and for registering a moment's.
    @Test func oneServerOfThreeMayGo() throws {
        guard let servers = try NatsServer.several(3) else { return }
        let nodes = try nodes(3, servers)
        func registers(_ name: String, at node: RunningNode, within seconds: Double) throws {
            try wait("\(name) is registered", within: seconds) {
                [201, 409].contains((try? node.register("hello", as: name, class: "default").status) ?? 0)
            }
        }
        try registers("first", at: nodes[0], within: 20)
        for node in nodes {
            try wait("first at all", within: 5) { node.request("POST", "/v1/invoke/first", [1]).status == 200 }
        }
        servers[1].kill()
        for (index, node) in nodes.enumerated() {
            #expect(node.request("POST", "/v1/invoke/first", [1]).status == 200)
            try registers("after\(index)", at: node, within: 30)
        }
        for index in nodes.indices {
            for node in nodes {
                try wait("after\(index) at all", within: 20) {
                    node.request("POST", "/v1/invoke/after\(index)", [1]).status == 200
                }
            }
        }
    }

    /// A node that seems to be gone while it registers loses the name to whoever wants it, and both are told: of each name one
    /// image is everywhere, and one client has heard that it is there.
    @Test func aClaimWhoseOwnerSeemsGoneIsTakenOver() throws {
        guard let server = try NatsServer.alone() else { return }
        let nodes = try nodes(2, [server])
        let images = [try GuestCompiler.image("hello"), try GuestCompiler.image("echo_sets")]
        @Sendable func put(_ name: String, at index: Int) -> Int {
            let path = "/v1/functions/\(name)?class=default&inputs=in&outputs=out&memory=1MiB"
            return nodes[index].request("PUT", path, images[index]).status
        }
        var taken = 0
        for round in 0..<12 where taken == 0 {
            let names = (0..<8).map { "f\(round)x\($0)" }
            let answers = together(9) { index -> (String, Int) in
                guard index < 8 else {
                    usleep(UInt32(4_000 + round * 3_000))
                    nodes[0].signal(SIGSTOP)
                    return ("", 0)
                }
                return (names[index], put(names[index], at: 0))
            } during: {
                try? wait("the other is alone", within: 10) { Self.members(nodes[1]).count == 1 }
                let statuses = names.map { put($0, at: 1) }
                nodes[0].signal(SIGCONT)
                return statuses
            }
            let first = Dictionary(answers.0.filter { $0.0 != "" }) { one, _ in one }
            for (name, second) in zip(names, answers.1) {
                let pair = [first[name] ?? 0, second]
                // Two successes: the first was over when its node was stopped, and the second is a version.
                #expect(pair.sorted() == [201, 409] || pair == [201, 201], "\(name): \(pair)")
                let winner = second == 201 ? 1 : 0
                taken += pair == [409, 201] ? 1 : 0
                try wait("\(name) is the winner's at both", within: 10) {
                    nodes.allSatisfy { node in
                        let reply = node.request("POST", "/v1/invoke/\(name)", [0x78])
                        return reply.status == 200 && (reply.text == "x") == (winner == 1)
                    }
                }
            }
            try wait("both are there", within: 10) { nodes.allSatisfy { Self.members($0).count == 2 } }
        }
        if taken == 0 { print("no claim was open when its node was stopped: the machine is too busy for this test") }
    }

    /// A node that has no [fleet] says nothing of nodes, and gives no contents.
    @Test func aNodeAloneIsOfNoFleet() throws {
        let config = """
            [plugins.process]
            path = "libDandelionProcess.so"
            [classes.process]
            backends = ["process"]
            """
        let node = try RunningNode(config: config)
        #expect(node.request("GET", "/v1/nodes").status == 404)
        #expect(node.request("GET", "/v1/contents/\(String(repeating: "a", count: 64))").status == 404)
        _ = try node.register("hello", class: "process")
        #expect(Self.place(node.request("POST", "/v1/invoke/hello", [1])) == "")
    }

    @Test func contentsAreGivenInPart() throws {
        guard let server = try NatsServer.alone() else { return }
        let node = try nodes(1, [server])[0]
        _ = try node.register("hello", class: "default")
        let image = try GuestCompiler.image("hello")
        let facts = try JSONSerialization.jsonObject(with: Data(node.request("GET", "/v1/functions/hello").body))
        let digest = try #require((facts as? [String: Any])?["image"] as? String).dropFirst("sha256:".count)
        func get(_ range: String?, _ digest: Substring) -> RunningNode.Reply {
            node.request("GET", "/v1/contents/\(digest)", headers: range.map { ["Range: \($0)"] } ?? [])
        }
        #expect(get(nil, digest).body == image)
        let part = get("bytes=10-19", digest)
        #expect(part.status == 206 && part.body == Array(image[10..<20]))
        #expect(part.head.lowercased().contains("content-range: bytes 10-19/\(image.count)"))
        #expect(get("bytes=0-\(Int.max)", digest).body == image)
        for wrong in [
            "bytes=\(image.count)-", "bytes=5-4", "bytes=-5", "items=0-1", "bytes=a-b",
            "bytes=\(image.count)-\(image.count)",
        ] {
            #expect(get(wrong, digest).status == 416, "\(wrong)")
        }
        for wrong in ["..%2F..%2Fetc%2Fpasswd", "abc", Substring(String(repeating: "0", count: 64))] {
            #expect(get(nil, wrong).status == 404, "\(wrong)")
        }
    }

    /// The same, with what `body` gives on this thread meanwhile.
    private func together<R: Sendable, T>(
        _ count: Int, _ part: @escaping @Sendable (Int) -> R, during body: () -> T
    ) -> ([R], T) {
        let results = Mutex<[R]>([])
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            Thread.detachNewThread {
                let result = part(index)
                results.withLock { $0.append(result) }
                group.leave()
            }
        }
        let value = body()
        group.wait()
        return (results.withLock { $0 }, value)
    }

    func together<R: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> R) -> [R] {
        together(count, body, during: {}).0
    }
}
