import Glibc
import PluginABI
import PluginHarness
import Testing

/// Functions that know how this backend works and attack it. Each may only hurt itself: the next one is served.
@Suite struct Sabotage {
    /// Where the control page lies in a child (dp_layout.h), and how much of it and the signal stack there is.
    private static let controlPage: UInt64 = 0x7e00_0030_0000
    private static let size: UInt64 = 0x11000

    @Test(arguments: [0, 1, 3] as [UInt64], [0, UInt64.max, 0x8000_0000_0000_0000, 1])
    func controlPageAndSignalStackAreOverwritten(how: UInt64, value: UInt64) throws {
        let outcome = try attack("sabotage", [Sabotage.controlPage, Sabotage.size, how, value])
        #expect(outcome.outcome == DN_RUN_FAULTED || outcome.outcome == DN_RUN_EXITED)
        #expect(outcome.runNanoseconds < 2_000_000_000)
    }

    @Test func overwritingThenLoopingEndsAtTheDeadline() throws {
        let outcome = try attack("sabotage", [Sabotage.controlPage, Sabotage.size, 4, 3], deadline: 30_000_000)
        // Overwriting the word that the host waits on looks like an end; it must be one.
        #expect(outcome.outcome != DN_RUN_CANCELLED)
    }

    /// A function that writes the "done" word itself and goes on must not run while the host reads its outputs.
    @Test(arguments: [true, false]) func aForgedEndStopsTheFunction(pinned: Bool) throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let body = { @Sendable (core: Int32) throws in
            let engine = try HarnessEngine(plugin, core: core)
            let image = try plugin.load(try GuestCompiler.image("sabotage"))
            for _ in 0..<20 {
                let context = try engine.context(limit: 1 << 20, image: image)
                let parameters = [Sabotage.controlPage, Sabotage.size, 2].flatMap { bytes(of: $0) }
                try context.write(inputs: [GuestSet("p", [GuestItem("p", parameters)])], outputs: [])
                let result = try engine.run(context, deadline: 100_000_000)
                let counter = try context.outcome(result).notedAddress
                let before = try context.read(counter, 8)
                usleep(2000)
                #expect(try context.read(counter, 8) == before)
                context.destroy()
                engine.idle()
            }
            engine.destroy()
        }
        if pinned { try onPinnedThread(body) } else { try body(-1) }
    }

    /// Every byte near the gate, with registers that would clone, kill, map or write if a call got through.
    @Test func jumpsIntoThePlatformStayInside() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("jump_platform"))
        let calls: [[UInt64]] = [
            [56, 0, 0, 0], [62, UInt64(getpid()), 9, 0], [157, 59, 0, 0], [10, 0x10000, 0x1000, 7], [15, 0, 0, 0],
            [202, Sabotage.controlPage, 1, 1],
        ]
        for distance in -64..<200 as Range<Int64> {
            let call = calls[Int(distance + 64) % calls.count]
            let parameters = [UInt64(bitPattern: distance)] + call
            let outcome = try engine.invoke(
                image, inputs: [GuestSet("p", [GuestItem("p", parameters.flatMap { bytes(of: $0) })])],
                deadline: 20_000_000)
            #expect(outcome.outcome != DN_RUN_CANCELLED)
        }
        try expectServes(engine, plugin)
        engine.destroy()
    }

    /// Jumps to each system call instruction of the zygote's own code: user dispatch must refuse it by number.
    @Test func theZygotesOwnCallSitesAreClosed() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let text: UInt64 = 0x7e00_0000_0000
        let access = try plugin.load(try GuestCompiler.image("access"))
        let probe = try engine.context(limit: 1 << 20, image: access)
        try probe.write(inputs: [], outputs: [])
        let gate = probe.info.exit_address
        probe.destroy()
        let image = try plugin.load(try GuestCompiler.image("jump_platform"))
        var refused = 0
        for site in try syscallSites() where text + UInt64(site) < gate || text + UInt64(site) > gate + 0x60 {
            let distance = text &+ UInt64(site) &- gate
            let parameters: [UInt64] = [distance, 56, 0x8000, 0, 0]
            let outcome = try engine.invoke(
                image, inputs: [GuestSet("p", [GuestItem("p", parameters.flatMap { bytes(of: $0) })])],
                deadline: 1_000_000_000)
            #expect(outcome.faultKind == DN_FAULT_SYSCALL && outcome.syscall == 56, "site \(site): \(outcome)")
            refused += 1
        }
        #expect(refused > 10)
        engine.destroy()
    }

    /// Offsets of system call instructions (0F 05) in the section that zygotes are made of, read from the plugin's file.
    private func syscallSites() throws -> [Int] {
        let section = try zygoteSection()
        return (0..<section.count - 1).filter { section[$0] == 0x0f && section[$0 + 1] == 0x05 }
    }

    private func attack(_ guest: String, _ parameters: [UInt64], deadline: UInt64 = 1_000_000_000) throws -> Outcome {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let image = try plugin.load(try GuestCompiler.image(guest))
        let outcome = try engine.invoke(
            image, inputs: [GuestSet("p", [GuestItem("p", parameters.flatMap { bytes(of: $0) })])], deadline: deadline)
        try expectServes(engine, plugin)
        return outcome
    }

    private func expectServes(_ engine: HarnessEngine, _ plugin: HarnessPlugin) throws {
        let image = try plugin.load(try GuestCompiler.image("hello"))
        for _ in 0..<3 {
            let outcome = try engine.invoke(image)
            #expect(outcome.outcome == DN_RUN_EXITED && outcome.outputs.first?.items.count == 1, "\(outcome)")
        }
    }
}
