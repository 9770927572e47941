import Glibc
import PluginABI
import PluginHarness
import Testing

/// `context_settle`: from then on no process but the host's has the memory.
@Suite struct SettleTests {
    private static let guests = GuestCompiler.sources + "/../ProcessTests/Guests"
    private static let size: UInt64 = 1 << 16

    /// Who has a memory file of a sandbox mapped, this process aside.
    private func sharers() throws -> Int {
        try processes(parent: getpid()).count { pid in
            let maps = String(decoding: (try? fileBytes("/proc/\(pid)/maps")) ?? [], as: UTF8.self)
            return maps.contains("dandelion-context")
        }
    }

    /// Waits until there are `count`: a child that was asked for comes a moment later.
    private func reaches(_ count: Int) throws -> Bool {
        for _ in 0..<2000 {
            if try sharers() == count { return true }
            usleep(1000)
        }
        return false
    }

    /// One child fewer, and the zygotes stay; its memory is as the function left it, in each way to end.
    @Test(arguments: [0, 1, 4] as [UInt64], [false, true]) func theFunctionsProcessIsGone(way: UInt64, twice: Bool)
        throws
    {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("late", in: Self.guests))
        let context = try engine.context(limit: 4 << 20, image: image)
        let words = [way, 0x7e00_0030_0000, 0].flatMap { bytes(of: $0) }
        try context.write(inputs: [GuestSet("p", [GuestItem("p", words)])], outputs: ["out"])
        let result = try engine.run(context, deadline: 1_000_000_000)
        let region = try context.outcome(result).notedAddress
        let before = try context.read(region, Self.size)
        // Two sandboxes, each a zygote with a child.
        try #require(try reaches(4))
        try context.settle()
        if twice { try context.settle() }
        #expect(try sharers() == 3)
        usleep(2000)
        #expect(try context.read(region, Self.size) == before)
        // The engine goes on while it is held, and the place is used again afterwards.
        let hello = try plugin.load(try GuestCompiler.image("hello"))
        #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED)
        #expect(try context.read(region, Self.size) == before)
        context.destroy()
        engine.idle()
        for _ in 0..<4 { #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED) }
        engine.destroy()
        #expect(try sharers() == 0)
    }

    /// A function that was stopped is gone already; to ask once more does no harm.
    @Test func aStoppedOneIsGone() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("loop"))
        let context = try engine.context(limit: 4 << 20, image: image)
        try context.write(inputs: [], outputs: ["out"])
        #expect(try engine.run(context, deadline: 5_000_000).outcome == DN_RUN_DEADLINE)
        try #require(try reaches(3))
        try context.settle()
        #expect(try sharers() == 3)
        context.destroy()
        engine.destroy()
    }
}
