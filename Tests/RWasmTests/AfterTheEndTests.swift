import Glibc
import PluginABI
import PluginHarness
import Testing

/// A module is over when run returns: its memory stays as it is while the engine runs others.
///
/// It runs on the engine's thread and has none of its own, so only this thread could go on in it.
@Suite(.serialized) struct AfterTheEndTests {
    private static let limit: UInt64 = 2 << 20
    private static let begin: UInt64 = 1 << 16

    @Test(arguments: 0...4 as ClosedRange<UInt32>) func memoryStaysAsItIs(way: UInt32) throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionRWasm"))
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        #expect(plugin.compute.pointee.context_settle == nil)
        let image = try plugin.load(try WasmGuest.raw("late"))
        func inputs(_ way: UInt32) -> [GuestSet] {
            [GuestSet("in", [GuestItem("how", withUnsafeBytes(of: way.littleEndian) { [UInt8]($0) })])]
        }
        for turn in 0..<(way == 4 ? 20 : 50) {
            let context = try engine.context(limit: Self.limit, image: image)
            var writer = Writer32(context, image, limit: Self.limit)
            _ = try writer.write(inputs: inputs(way), outputs: ["out"])
            let result = try engine.run(context, deadline: way == 4 ? 2_000_000 : 2_000_000_000)
            let expected = way == 0 ? DN_RUN_EXITED : way == 4 ? DN_RUN_DEADLINE : DN_RUN_FAULTED
            try #require(result.outcome == expected, "way \(way), run \(turn): \(result.outcome)")
            let before = try context.read(Self.begin, Self.limit - Self.begin)
            // Over the same code, in another place: one that leaves, and one that writes until it is stopped.
            let left = try engine.invoke32(image, inputs: inputs(0), idle: turn % 2 == 0)
            #expect(left.result.outcome == DN_RUN_EXITED)
            let stopped = try engine.invoke32(image, inputs: inputs(4), deadline: 1_000_000)
            #expect(stopped.result.outcome == DN_RUN_DEADLINE)
            let after = try context.read(Self.begin, Self.limit - Self.begin)
            try #require(before == after, "way \(way), run \(turn): memory changed after the end")
            context.destroy()
            engine.idle()
        }
    }
}
