import Foundation
import Testing

/// Classes whose translators make images for backends that do not know a format.
@Suite(
    .serialized, .enabled(if: FileManager.default.isExecutableFile(atPath: RunningNode.executable), "no node is built"))
struct TranslatorTests {
    private static let config = """
        [plugins.process]
        path = "libDandelionProcess.so"
        [plugins.wasm]
        path = "libDandelionRWasm.so"
        [plugins.gone]
        path = "/nonexistent/plugin.so"
        [classes.plain]
        backends = ["process"]
        [classes.secure]
        backends = ["process"]
        translators = ["wasm"]
        [classes.broken]
        backends = ["process"]
        translators = ["process", "gone"]
        """

    /// A module that reverses its input, of the tests of the plugin that translates.
    private func module() throws -> [UInt8] {
        let output = FileManager.default.temporaryDirectory.appending(path: "dandelion-\(UUID()).wasm").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "clang", "--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-Wno-int-to-pointer-cast",
            "-I\(RunningNode.root.path)/Sources/PluginABI/include", "-Wl,--no-entry", "-Wl,--import-memory",
            "-Wl,--export-all", "\(RunningNode.root.path)/Tests/RWasmTests/guests/reverse.c", "-o", output,
        ]
        try compiler.run()
        compiler.waitUntilExit()
        return [UInt8](try #require(FileManager.default.contents(atPath: output)))
    }

    private func put(_ node: RunningNode, _ name: String, _ runClass: String, _ image: [UInt8]) -> RunningNode.Reply {
        node.request("PUT", "/v1/functions/\(name)?class=\(runClass)&inputs=in&outputs=out&memory=4MiB", image)
    }

    @Test func aClassTakesWhatItsTranslatorMakes() throws {
        var node = try RunningNode(config: Self.config)
        let module = try module()
        let registered = put(node, "reverse", "secure", module)
        #expect(registered.status == 201, "\(registered.text)")
        // What the backend knows by itself needs no translator.
        #expect(try node.register("hello", class: "secure").status == 201)
        #expect(node.request("POST", "/v1/invoke/reverse", Array("abc".utf8)).text == "cba")
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")

        let plain = put(node, "plain", "plain", module)
        #expect(plain.status == 400 && plain.text.contains("in no format of class 'plain'"), "\(plain.text)")
        #expect(!plain.text.contains("translators"))
        let bad = put(node, "bad", "secure", Array(module.prefix(module.count - 300)))
        #expect(bad.status == 400 && bad.text.contains("malformed module"), "\(bad.text)")

        let text = node.request("POST", "/v1/plugins/process/reload").text
        #expect(text.contains("\"generation\":2"), "\(text)")
        #expect(node.request("POST", "/v1/invoke/reverse", Array("abc".utf8)).text == "cba")
        #expect(node.request("POST", "/v1/plugins/wasm/reload").status == 200)
        #expect(node.request("POST", "/v1/invoke/reverse", Array("def".utf8)).text == "fed")

        // After a restart the image comes from the cache in the state folder.
        let kept = FileManager.default.temporaryDirectory.appending(path: "dandelion-kept-\(UUID())").path
        try FileManager.default.copyItem(atPath: node.state, toPath: kept)
        _ = node.stop(SIGKILL)
        node = try RunningNode(config: Self.config, state: kept)
        #expect(node.request("POST", "/v1/invoke/reverse", Array("xyz".utf8)).text == "zyx")
        #expect(node.stop() == 0)
    }

    @Test func aTranslatorThatIsNoneIsNamed() throws {
        let node = try RunningNode(config: Self.config)
        #expect(
            node.log.contains("class broken: translator process is unavailable: it is no translator"), "\(node.log)")
        #expect(node.log.contains("class broken: translator gone is unavailable"), "\(node.log)")
        let refused = put(node, "reverse", "broken", try module())
        #expect(refused.status == 400)
        #expect(
            refused.text.contains("its translators: process (unavailable), gone (unavailable)"), "\(refused.text)")
        // As a backend it works all the same.
        #expect(try node.register("hello", class: "broken").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        #expect(node.stop() == 0)
    }
}
