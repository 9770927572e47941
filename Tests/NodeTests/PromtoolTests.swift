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
        let (given, found) = (Pipe(), Pipe())
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: try #require(Self.promtool))
        tool.arguments = ["check", "metrics"]
        (tool.standardInput, tool.standardOutput, tool.standardError) = (given, found, found)
        try tool.run()
        Thread.detachNewThread {
            given.fileHandleForWriting.write(Data(reply.body))
            try? given.fileHandleForWriting.close()
        }
        let said = String(decoding: found.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        tool.waitUntilExit()
        #expect(tool.terminationStatus == 0 && said.isEmpty, "\(said)")
    }
}
