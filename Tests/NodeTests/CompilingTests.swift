import Foundation
import PluginHarness
import Testing

/// Functions whose image must be compiled before it runs.
@Suite(.serialized) struct CompilingTests {
    private static let hasCompiler = system("rustc --version >/dev/null 2>&1") == 0

    /// A function tells by which code it runs, and so do the metrics.
    @Test(.enabled(if: hasCompiler, "no rustc: apt-get install rustc"))
    func whichVersionRunsIsTold() throws {
        let node = try RunningNode()
        let query = "class=rwasm&inputs=in&outputs=out&memory=1MiB"
        let reply = node.request("PUT", "/v1/functions/chain?\(query)", SyntheticModule.chain(400, steps: 10))
        #expect(reply.status == 201, "\(reply.text)")
        // The optimised one is compiled when nobody else wants the processors, which may be long after this.
        let names = ["first", "best"]
        let text = node.request("GET", "/v1/functions/chain").text
        #expect(names.contains { text.contains(#""versions":[{"backend":"rwasm","version":"\#($0)"}]"#) }, "\(text)")
        let metrics = node.request("GET", "/metrics").text
        #expect(names.contains { metrics.contains(#"dandelion_image_versions{version="\#($0)"} 1"#) }, "\(metrics)")
        #expect(node.stop() == 0)
    }

    /// The exported function `later` gives the exit code 0; there is no `_start`.
    private static let library: [UInt8] =
        [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 9, 1, 5]
        + Array("later".utf8) + [0, 0, 0x0a, 6, 1, 4, 0, 0x41, 0, 0x0b]

    @Test(.enabled(if: hasCompiler, "no rustc: apt-get install rustc"))
    func anEntryIsNamedAtRegistration() throws {
        let node = try RunningNode()
        let path = "/v1/functions/library?inputs=in&outputs=out"
        let unnamed = node.request("PUT", path + "&class=rwasm", Self.library)
        #expect(unnamed.status == 400 && unnamed.text.contains("that it does export: later"), "\(unnamed.text)")
        let elsewhere = node.request("PUT", path + "&class=process&entry=later", Self.library)
        #expect(elsewhere.status == 400 && elsewhere.text.contains("'entry' cannot be chosen"), "\(elsewhere.text)")
        let named = node.request("PUT", path + "&class=rwasm&entry=later", Self.library)
        #expect(named.status == 201, "\(named.text)")
        #expect(node.request("POST", "/v1/invoke/library", [1]).status == 200)
        #expect(node.stop() == 0)
        let again = try RunningNode(state: node.state)
        #expect(again.request("GET", "/v1/functions/library").text.contains(#""entry":"later""#))
        #expect(again.request("POST", "/v1/invoke/library", [1]).status == 200)
        #expect(again.stop() == 0)
    }

    /// After the results of compilation were lost the first requests have it made once more, once for all of them, and are told
    /// to come again: no engine waits for a compiler.
    @Test(.enabled(if: hasCompiler, "no rustc: apt-get install rustc"))
    func aLostFirstVersionIsMadeAgain() throws {
        let seed = try #require((1...5000).first { SyntheticModule.chainResult(5000, steps: 6, seed: $0) == 0 })
        let first = try RunningNode()
        let reply = first.request(
            "PUT", "/v1/functions/chain?class=rwasm&inputs=in&outputs=out&memory=1MiB&timeout=100ms",
            SyntheticModule.chain(5000, steps: 6, seed: seed))
        #expect(reply.status == 201, "\(reply.text)")
        #expect(first.request("POST", "/v1/invoke/chain", [1]).status == 200)
        #expect(first.stop() == 0)
        let cache = first.state + "/state/cache"
        let objects = try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasSuffix(".so") }
        #expect(!objects.isEmpty)
        for object in objects { try FileManager.default.removeItem(atPath: "\(cache)/\(object)") }

        let second = try RunningNode(state: first.state)
        DispatchQueue.concurrentPerform(iterations: 3) { _ in
            let reply = second.request("POST", "/v1/invoke/chain", [1])
            #expect(reply.status == 503 && reply.head.lowercased().contains("retry-after: 5"), "\(reply.text)")
        }
        let end = Date() + 120
        var last = second.request("POST", "/v1/invoke/chain", [1])
        while last.status == 503, Date() < end {
            usleep(200_000)
            last = second.request("POST", "/v1/invoke/chain", [1])
        }
        #expect(last.status == 200, "\(last.text)")
        #expect(second.stop() == 0)
        let log = try String(contentsOfFile: second.state + "/log", encoding: .utf8)
        #expect(log.contains("'chain': compiling, "), "\(log)")
    }
}
