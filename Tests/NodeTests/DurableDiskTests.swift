import Foundation
import PluginHarness
import Testing

/// A state folder that takes no more costs the invocations that do not fit, and none of those that were acknowledged.
@Suite struct DurableDiskTests {
    /// By a limit on the size of files, as a full disk or a quota fails the same calls.
    @Test func whatWasAcknowledgedOutlivesAFullDisk() throws {
        let node = try RunningNode(
            config: """
                [durable]
                running = 1
                [plugins.process]
                path = "libDandelionProcess.so"
                [classes.process]
                backends = ["process"]
                """, wrapper: ["prlimit", "--fsize=\(96 << 20)"])
        #expect(try node.register("hello", class: "process", memory: "32MiB").status == 201)
        #expect(try node.register("loop", class: "process", timeout: "60s").status == 201)
        func accept(_ name: String, _ count: Int) -> RunningNode.Reply {
            node.request(
                "POST", "/v1/invoke/\(name)", [UInt8](repeating: 1, count: count), headers: ["Prefer: respond-async"])
        }
        func id(_ reply: RunningNode.Reply) throws -> String {
            let facts = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
            return try #require(facts?["id"] as? String)
        }
        // It holds up the others, whose inputs stay therefore.
        let blocker = try id(accept("loop", 1))
        var kept: [String] = []
        var refused = RunningNode.Reply()
        for _ in 0..<40 where refused.status == 0 {
            let reply = accept("hello", 8 << 20)
            if reply.status == 202 { kept.append(try id(reply)) } else { refused = reply }
        }
        #expect(refused.status == 507 && refused.text.contains("no room"), "\(refused.status) \(refused.text)")
        #expect(kept.count > 3)
        // Ordinary ones go on.
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        #expect(node.request("DELETE", "/v1/invocations/\(blocker)").status == 204)
        for id in kept {
            let end = node.request("GET", "/v1/invocations/\(id)?wait=60s").text
            #expect(end.contains(#""state":"done""#) && end.contains("hello, world"), "\(end)")
        }
        // There is room again.
        let again = try id(accept("hello", 1 << 20))
        #expect(node.request("GET", "/v1/invocations/\(again)?wait=60s").text.contains(#""state":"done""#))
        #expect(node.stop() == 0)
    }
}
