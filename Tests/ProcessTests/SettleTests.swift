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
            // ADDRESSES PERMISSIONS ...: what is shared with this process is such a file.
            return maps.split(separator: "\n").contains { $0.split(separator: " ").dropFirst().first?.last == "s" }
        }
    }

    /// How many there are once no more come: a child that was asked for comes a moment later.
    private func settled() throws -> Int {
        var (last, since) = (0, 0)
        for _ in 0..<5000 where since < 100 {
            let now = try sharers()
            (last, since) = now == last && now > 0 ? (now, since + 1) : (now, 0)
            usleep(1000)
        }
        return last
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
        let all = try settled()
        try context.settle()
        if twice { try context.settle() }
        #expect(try all > 0 && sharers() == all - 1)
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
        let all = try settled()
        try context.settle()
        #expect(try all > 0 && sharers() == all)
        context.destroy()
        engine.destroy()
    }
}
