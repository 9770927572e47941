import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// The same program in several languages (Examples/languages), each over its own standard library.
@Suite(.serialized) struct LanguageTests {
    private static let text = "The cat, the dog.\nA cat; THE end 42\n"
    private static let counts = "3 the\n2 cat\n1 42\n1 a\n1 dog\n1 end\n"

    /// Nil, with the reason printed, without the language's compiler.
    private func module(_ language: String) throws -> [UInt8]? {
        let output = "\(Temporary.folder)/dandelion-language-\(getpid()).wasm"
        defer { unlink(output) }
        let code = system("/\(WasmGuest.folder)/../../Examples/languages/build.sh \(language) \(output)") >> 8
        guard code != 77 else {
            print("the program in \(language) is skipped: its compiler is not there")
            return nil
        }
        #expect(code == 0)
        return try WasmGuest.read(output)
    }

    @Test(arguments: ["rust", "zig"])
    func wordsAreCounted(language: String) throws {
        guard let module = try module(language) else { return }
        let plugin = try HarnessPlugin(
            file: HarnessPlugin.path(of: "DandelionRWasm"), config: ["optimise": .bool(false)])
        defer { plugin.stop() }
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let image = try plugin.load(module)
        let large = (0..<20_000).map { "word\($0 % 997) " }.joined()
        for _ in 0..<2 {
            let outcome = try engine.invoke32(
                image,
                inputs: [
                    GuestSet(
                        "texts", [GuestItem("small", [UInt8](Self.text.utf8)), GuestItem("large", [UInt8](large.utf8))])
                ], outputs: ["counts", "stdio"], limit: 64 << 20)
            #expect(outcome.result.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.detail)")
            #expect(outcome.text("counts", "small") == Self.counts)
            #expect(outcome.text("counts", "large")?.hasPrefix("21 word0\n21 word1\n21 word10\n") == true)
            #expect(
                outcome.text("stdio", "stdout") == "small: 6 different words\nlarge: 997 different words\n")
            #expect(outcome.text("stdio", "stderr") ?? "" == "")
        }
    }
}
