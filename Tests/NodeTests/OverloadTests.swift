import Foundation
import Testing

/// A node that is asked for more than it can give refuses, and goes on.
@Suite(.serialized) struct OverloadTests {
    private static func config(_ node: String, memoryLimit: String = "16MiB") -> String {
        """
        [node]
        \(node)
        [plugins.process]
        path = "libDandelionProcess.so"
        [classes.process]
        backends = ["process"]
        memory_limit = "\(memoryLimit)"
        [classes.large]
        backends = ["process"]
        memory_limit = "1GiB"
        [tenants.few]
        max_requests = 1
        """
    }

    /// Runs a request on each of `count` threads at once.
    private func together(_ count: Int, _ body: @escaping @Sendable (Int) -> RunningNode.Reply) -> [RunningNode.Reply] {
        let lock = NSLock()
        nonisolated(unsafe) var replies: [RunningNode.Reply] = []
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            Thread.detachNewThread {
                let reply = body(index)
                lock.withLock { replies.append(reply) }
                group.leave()
            }
        }
        group.wait()
        return replies
    }

    @Test func aSaturatedNodeSaysWhenToComeAgain() throws {
        let node = try RunningNode(config: Self.config("queue_delay = \"50ms\""))
        #expect(try node.register("loop", class: "process", timeout: "100ms").status == 201)
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/loop", [1]).status == 504)
        let replies = together(60) { _ in node.request("POST", "/v1/invoke/loop", [1]) }
        let refused = replies.filter { $0.status == 429 }
        #expect(refused.count >= 20, "\(replies.map(\.status))")
        #expect(replies.allSatisfy { [429, 504].contains($0.status) })
        #expect(refused.allSatisfy { $0.head.lowercased().contains("\r\nretry-after: 1") })
        #expect(refused.allSatisfy { $0.text.contains("engine") })
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        #expect(node.stop() == 0)
    }

    @Test func aTenantsLimitIsItsOwn() throws {
        let node = try RunningNode(config: Self.config("queue_delay = \"10s\""))
        #expect(try node.register("loop", class: "process", timeout: "300ms").status == 201)
        let replies = together(6) { index in
            node.request("POST", "/v1/invoke/loop", [1], headers: index < 5 ? ["Dandelion-Tenant: few"] : [])
        }
        #expect(replies.map(\.status).sorted() == [429, 429, 429, 429, 504, 504])
        #expect(replies.contains { $0.text.contains("tenant 'few'") })
        #expect(node.request("POST", "/v1/invoke/loop", [1], headers: ["Dandelion-Tenant: "]).status == 400)
        #expect(node.stop() == 0)
    }

    @Test func whatDoesNotFitIntoMemoryIsRefused() throws {
        let node = try RunningNode(config: Self.config("memory = \"64MiB\"\nmax_body = \"64MiB\""))
        #expect(try node.register("hello", as: "small", class: "process").status == 201)
        let large = try node.register("hello", as: "large", class: "large", memory: "1GiB")
        #expect(large.status == 507 && large.text.contains("1073741824"), "\(large.text)")
        // Half of the memory is for data.
        let body = node.request("POST", "/v1/invoke/small", [UInt8](repeating: 1, count: 40 << 20))
        #expect(body.status == 507, "\(body.text)")
        let many = together(12) { _ in node.request("POST", "/v1/invoke/small", [UInt8](repeating: 1, count: 8 << 20)) }
        #expect(many.allSatisfy { [200, 413, 429].contains($0.status) }, "\(many.map(\.status))")
        #expect(node.request("POST", "/v1/invoke/small", [1]).text == "hello, world")
        let metrics = node.request("GET", "/metrics").text
        #expect(metrics.contains("\ndandelion_memory_data_bytes 0\n"))
        #expect(metrics.contains("\ndandelion_memory_runs_bytes 0\n"))
        #expect(node.stop() == 0)
    }

    /// A client that leaves ends its functions, and their memory comes back.
    @Test func clientsThatLeaveCostNothing() throws {
        let node = try RunningNode(config: Self.config("queue_delay = \"10s\""))
        #expect(try node.register("loop", class: "process", timeout: "60s").status == 201)
        #expect(try node.register("hello", class: "process").status == 201)
        for _ in 0..<20 {
            let socket = node.connect()
            let head = "POST /v1/invoke/loop HTTP/1.1\r\nHost: node\r\nContent-Length: 1\r\n\r\nx"
            #expect(
                head.utf8.withContiguousStorageIfAvailable { send(socket, $0.baseAddress, $0.count, 0) }
                    == head.utf8.count)
            usleep(20_000)
            close(socket)
        }
        var metrics = ""
        for _ in 0..<100 where !metrics.contains("\ndandelion_memory_runs_bytes 0\n") {
            usleep(20_000)
            metrics = node.request("GET", "/metrics").text
        }
        #expect(metrics.contains("\ndandelion_memory_runs_bytes 0\n"))
        #expect(metrics.contains("\ndandelion_requests_in_progress 0\n"))
        #expect(metrics.contains("\ndandelion_queue_length 0\n"))
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        #expect(node.stop() == 0)
    }
}
