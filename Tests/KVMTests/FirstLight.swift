import PluginABI
import PluginHarness
import Testing

@Suite struct FirstLight {
    @Test func aFunctionRunsAgainAndAgain() throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionKVM"))
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let image = try plugin.load(try GuestCompiler.image("hello"))
        for _ in 0..<20 {
            let outcome = try engine.invoke(image)
            #expect(outcome.outcome == DN_RUN_EXITED)
            #expect(outcome.outputs.first?.items == [GuestItem("greeting", [UInt8]("hello, world".utf8))])
        }
    }
}
