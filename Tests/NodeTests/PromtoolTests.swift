import Foundation
import Testing

/// `/metrics` as Prometheus's own tool judges it, where that is installed.
@Suite struct PromtoolTests {
    private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: promtool != nil, "no promtool here; it is part of Debian's package prometheus"))
    func findsNothing() throws {
        let node = try RunningNode()
        defer { _ = node.stop() }
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(node.request("POST", "/v1/invoke/none", [1]).status == 404)
        let reply = node.request("GET", "/metrics")
        #expect(reply.status == 200)
        let (status, said) = try run(["check", "metrics"], reply.body)
        #expect(status == 0 && said.isEmpty, "\(said)")
    }

    private func run(_ arguments: [String], _ input: [UInt8] = []) throws -> (Int32, String) {
        let (given, found) = (Pipe(), Pipe())
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: try #require(Self.promtool))
        tool.arguments = arguments
        tool.currentDirectoryURL = Self.monitoring
        (tool.standardInput, tool.standardOutput, tool.standardError) = (given, found, found)
        try tool.run()
        Thread.detachNewThread {
            given.fileHandleForWriting.write(Data(input))
            try? given.fileHandleForWriting.close()
        }
        let said = String(decoding: found.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        tool.waitUntilExit()
        return (tool.terminationStatus, said)
    }

    private static let monitoring = RunningNode.root.appending(path: "Config/monitoring")

    /// The shipped alerts fire when they should and not otherwise.
    @Test(.enabled(if: promtool != nil, "no promtool here; it is part of Debian's package prometheus"))
    func theAlertsWork() throws {
        let (status, said) = try run(["test", "rules", "alerts.test.yml"])
        #expect(status == 0 && said.contains("SUCCESS"), "\(said)")
    }

    /// What alerts and the dashboard ask for is what a node tells.
    @Test func everyMetricThatIsAskedForIsThere() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-asked-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode(
            config: """
                [access_log]
                path = "\(folder)/log"
                [traces]
                endpoint = "http://127.0.0.1:9"
                [plugins.process]
                path = "libDandelionProcess.so"
                [classes.process]
                backends = ["process"]
                """)
        defer { _ = node.stop() }
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(node.request("POST", "/v1/invoke/none", [1]).status == 404)
        let told = node.request("GET", "/metrics").text
        #expect(
            told.contains("dandelion_build_info{version=\"") && told.contains("problems_total{type=\"notFound\"} 1\n"))
        var asked: Set<String> = []
        for file in ["alerts.yml", "dashboard.json"] {
            let text = try String(contentsOf: Self.monitoring.appending(path: file), encoding: .utf8)
            asked.formUnion(text.matches(of: /dandelion_[a-z_]+/).map { String($0.output) })
        }
        #expect(asked.count > 12)
        for name in asked { #expect(told.contains("\n\(name)") || told.hasPrefix(name), "\(name)") }
        let dashboard = try Data(contentsOf: Self.monitoring.appending(path: "dashboard.json"))
        #expect((try JSONSerialization.jsonObject(with: dashboard) as? [String: Any])?["panels"] is [Any])
    }
}
