import Foundation
import PluginHarness
import Testing

/// Functions whose image must be compiled before it runs.
@Suite(.serialized) struct CompilingTests {
    private static let hasCompiler = system("rustc --version >/dev/null 2>&1") == 0

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
