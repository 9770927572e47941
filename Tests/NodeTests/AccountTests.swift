import Foundation
import Testing
import Values

/// The account of each tenant: metrics, and a file for each day.
@Suite(.serialized) struct TenantAccountTests {
    private static let config = """
        [node]
        cores = 1
        [plugins.process]
        path = "libDandelionProcess.so"
        [classes.default]
        backends = ["process"]
        [tenants.alice]
        """

    private struct Line {
        let tenant: String
        let value: (String) -> Double
    }

    private func lines(_ node: RunningNode) throws -> [Line] {
        let folder = node.state + "/state/accounts"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().flatMap { file in
            #expect(file.wholeMatch(of: /\d{4}-\d\d-\d\d\.jsonl/) != nil)
            let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
            return try text.split(separator: "\n").map { line in
                let json = try JSONReader.read(String(line))
                return Line(tenant: json["tenant"]?.text ?? "") { name in
                    switch json[name]?.kind {
                    case .integer(let number): Double(number)
                    case .float(let number): number
                    default: .nan
                    }
                }
            }
        }
    }

    @Test func whatTenantsUseIsWrittenDown() throws {
        let node = try RunningNode(config: Self.config)
        #expect(try node.register("hello", class: "default").status == 201)
        for (tenant, count) in [("alice", 3), ("stranger", 2), ("default", 1)] {
            for _ in 0..<count {
                let reply = node.request(
                    "POST", "/v1/invoke/hello", words([1]), headers: ["Dandelion-Tenant: \(tenant)"])
                #expect(reply.status == 200)
            }
        }
        let metrics = node.request("GET", "/metrics").text
        for (tenant, count) in [("alice", 3), ("(others)", 2), ("default", 1)] {
            #expect(metrics.contains("dandelion_tenant_invocations_total{tenant=\"\(tenant)\"} \(count)\n"))
        }
        #expect(!metrics.contains("stranger"))
        #expect(node.stop() == 0)
        let lines = try lines(node)
        for (tenant, count) in [("alice", 3.0), ("stranger", 2), ("default", 1)] {
            let own = lines.filter { $0.tenant == tenant }
            func sum(_ name: String) -> Double { own.reduce(0) { $0 + $1.value(name) } }
            #expect(sum("invocations") == count && sum("received_bytes") == 8 * count)
            #expect(sum("cpu_seconds") > 0 && sum("memory_byte_seconds") >= 0 && sum("outgoing_requests") == 0)
        }
        #expect(Set(lines.map(\.tenant)) == ["alice", "stranger", "default"])
    }

    /// Functions that are stopped are paid for, too, and what is paid is what the kernel counts.
    @Test func processorTimeIsWhatTheKernelCounts() throws {
        let node = try RunningNode(config: Self.config)
        #expect(try node.register("loop", class: "default", timeout: "700ms").status == 201)
        _ = node.request("POST", "/v1/invoke/loop", words([1]))
        let before = node.processorSeconds
        for _ in 0..<3 {
            let reply = node.request("POST", "/v1/invoke/loop", words([1]), headers: ["Dandelion-Tenant: alice"])
            #expect(reply.status == 504)
        }
        let counted = node.processorSeconds - before
        #expect(node.stop() == 0)
        let paid = try lines(node).filter { $0.tenant == "alice" }.reduce(0) { $0 + $1.value("cpu_seconds") }
        // On a machine that does something else, too, a core is held for longer than it is had.
        #expect(paid >= counted * 0.98 && paid >= 2.1 && paid < 4.2, "\(paid) of \(counted)")
    }
}
