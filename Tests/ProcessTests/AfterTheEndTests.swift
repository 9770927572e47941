import Glibc
import PluginABI
import PluginHarness
import Testing

/// A function is over when the host says so: nothing of it, and no call of the kernel on its behalf, changes its memory
/// after the run returned, and its process takes no CPU.
@Suite struct AfterTheEnd {
    private static let controlPage: UInt64 = 0x7e00_0030_0000
    private static let parameters: UInt64 = 0x7e00_0010_0000
    private static let size: UInt64 = 1 << 16
    private static let guests = GuestCompiler.sources + "/../ProcessTests/Guests"

    enum Way: UInt64, CaseIterable, Sendable {
        case exit, trapBehindTheWake, returnFromNoSignal, forgedLists, noWordToSleepOn
    }

    static let settings = Reuse.allCases.flatMap { reuse in [true, false].map { (reuse: reuse, pinned: $0) } }

    @Test(arguments: Way.allCases, settings)
    func outputsStayAsTheyAre(way: Way, setting: (reuse: Reuse, pinned: Bool)) throws {
        let plugin = try setting.reuse.plugin()
        let body = { @Sendable (core: Int32) throws in
            let engine = try HarnessEngine(plugin, core: core)
            let image = try plugin.load(try GuestCompiler.image("late", in: AfterTheEnd.guests))
            for turn in 0..<200 {
                let context = try AfterTheEnd.context(engine, image, [way.rawValue, AfterTheEnd.controlPage, 0])
                let result = try engine.run(context, deadline: 1_000_000_000)
                let region = try context.outcome(result).notedAddress
                usleep(turn % 8 == 0 ? 3000 : 200)
                let left = try context.read(region, AfterTheEnd.size)
                context.destroy()
                engine.idle()
                // It left one word, over and over; what stands beside it was written behind the wake.
                let isUniform = left.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { memcmp($0, $0 + 4, bytes.count - 4) == 0 } ?? false
                }
                try #require(isUniform, "run \(turn) changed its outputs after its end: \(result.outcome)")
            }
            engine.destroy()
        }
        if setting.pinned { try onPinnedThread(body) } else { try body(-1) }
    }

    /// Its process sleeps until it is killed, however long the host keeps the context.
    @Test(arguments: Way.allCases, Reuse.allCases) func itTakesNoCPU(way: Way, reuse: Reuse) throws {
        let plugin = try reuse.plugin()
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("late", in: AfterTheEnd.guests))
        let context = try AfterTheEnd.context(engine, image, [way.rawValue, AfterTheEnd.controlPage, 0])
        _ = try engine.run(context, deadline: 1_000_000_000)
        usleep(20_000)
        let before = try AfterTheEnd.ticksOfChildren()
        usleep(300_000)
        #expect(try AfterTheEnd.ticksOfChildren() - before <= 2, "\(way): it goes on after its end")
        context.destroy()
        engine.destroy()
    }

    /// What the kernel reads when a process dies is not the function's to write, and neither is the stack that it was cloned
    /// on, which is in no file that the host could zero; one that runs a single function takes that stack along.
    @Test(arguments: Reuse.allCases) func theListForItsDeathIsReadOnly(reuse: Reuse) throws {
        let plugin = try reuse.plugin()
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("late", in: AfterTheEnd.guests))
        for offset in stride(from: 0, to: reuse == .reset ? 0x4000 : 0x2000, by: 0x1f8) as StrideTo<UInt64> {
            let context = try AfterTheEnd.context(engine, image, [5, 0, AfterTheEnd.parameters + offset])
            let result = try engine.run(context, deadline: 1_000_000_000)
            #expect(result.fault_kind == DN_FAULT_WRITE, "offset \(offset): \(result.outcome)")
            context.destroy()
            engine.idle()
        }
        engine.destroy()
    }

    private static func context(
        _ engine: HarnessEngine, _ image: HarnessImage, _ parameters: [UInt64]
    ) throws -> HarnessContext {
        let context = try engine.context(limit: 4 << 20, image: image)
        let item = GuestItem("p", parameters.flatMap { bytes(of: $0) })
        try context.write(inputs: [GuestSet("p", [item])], outputs: ["out"])
        return context
    }

    /// CPU time of this process's children, in ticks of the clock (proc_pid_stat(5)): utime and stime.
    private static func ticksOfChildren() throws -> Int {
        try processes(parent: getpid()).reduce(0) { sum, pid in
            guard let stat = try? fileBytes("/proc/\(pid)/stat") else { return sum }
            let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
            return sum + fields.dropFirst(11).prefix(2).reduce(0) { $0 + (Int($1) ?? 0) }
        }
    }
}
