import PluginABI
import PluginHarness
import Testing

/// Where the plugin under test lies.
let processPlugin = HarnessPlugin.path(of: "DandelionProcess")

@Suite struct FirstRun {
    @Test func probeFindsThisMachineFit() throws {
        let probe = try HarnessPlugin.probe(file: processPlugin)
        #expect(probe.availability == DN_AVAILABLE, "\(probe.message)")
    }

    @Test func aFunctionLeavesItsOutput() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("hello"))
        for _ in 0..<5 {
            let outcome = try engine.invoke(image)
            #expect(outcome.outcome == DN_RUN_EXITED)
            #expect(outcome.exitCode == 0)
            #expect(outcome.outputs == [GuestSet("out", [GuestItem("greeting", [UInt8]("hello, world".utf8))])])
        }
        engine.destroy()
    }
}
