import Foundation
import PluginHarness
import Testing

/// A state folder that cannot take what is registered costs that registration, and nothing else.
@Suite struct FullDiskTests {
    /// By a limit on the size of files, which tests may set: a disk that is full, or a quota, fails the same calls. It is
    /// above what sandboxes need, whose memory is files, too.
    @Test func whatDoesNotFitIsRefused() throws {
        let node = try RunningNode(
            config: """
                [node]
                max_body = "128MiB"
                [plugins.process]
                path = "libDandelionProcess.so"
                [classes.process]
                backends = ["process"]
                """, wrapper: ["prlimit", "--fsize=\(96 << 20)"])
        let hello = try GuestCompiler.image("hello")
        func register(_ name: String, _ image: [UInt8]) -> RunningNode.Reply {
            node.request("PUT", "/v1/functions/\(name)?class=process&inputs=in&outputs=out", image)
        }
        // What follows the segments of an image is of no meaning.
        let large = hello + [UInt8](repeating: 1, count: 100 << 20)
        for _ in 0..<3 {
            let refused = register("large", large)
            #expect(refused.status == 507, "\(refused.status) \(refused.text)")
            #expect(refused.text.contains("File too large"), "\(refused.text)")
            #expect(!refused.text.contains("temporary"), "\(refused.text)")
            #expect(node.request("GET", "/v1/functions/large").status == 404)
        }
        #expect(register("small", hello).status == 201)
        #expect(node.request("GET", "/v1/functions/small").status == 200)
        // Nothing of the refused ones is left.
        let temporary = try FileManager.default.contentsOfDirectory(atPath: node.state + "/state/temporary")
        #expect(temporary == [])
        #expect(node.stop() == 0)
    }

    /// Where not even a plugin can be copied, the node says so and serves what is left.
    @Test func aPluginThatCannotBeCopiedIsUnavailable() throws {
        let node = try RunningNode(
            config: """
                [plugins.process]
                path = "libDandelionProcess.so"
                [classes.process]
                backends = ["process"]
                """, wrapper: ["prlimit", "--fsize=65536"])
        #expect(node.log.contains("plugin process is unavailable"), "\(node.log)")
        #expect(node.log.contains("File too large"), "\(node.log)")
        #expect(node.request("GET", "/readyz").status == 503)
        #expect(node.request("GET", "/healthz").status == 200)
        let copies = try FileManager.default.contentsOfDirectory(atPath: node.state + "/state/plugins")
        #expect(copies == [])
        #expect(node.stop() == 0)
    }
}
