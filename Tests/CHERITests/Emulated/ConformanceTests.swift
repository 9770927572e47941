import PluginABI
import PluginHarness
import Testing

/// What every native backend must do, as far as its guests are not written for x86-64 only.
@Suite(.serialized, .enabled(if: Emulator.path != nil, Emulator.reason)) struct EmulatedConformanceTests {
    private static let portable: Set = [
        "echo_sets", "hello", "big_output", "zero", "touch", "recurse", "loop", "lying_output", "access",
    ]

    /// Cases whose faults are the capabilities' here: what lies outside of the bounds, and code that is not code.
    private static let byCapability: Set = [
        "reads far above", "writes far above", "reads the kernel", "writes the kernel",
        "reads a non-canonical address",
    ]

    private static let cases: [GuestCase] = BackendSuite.cases.filter { portable.contains($0.guest) }.map { guestCase in
        var guestCase = guestCase
        if byCapability.contains(guestCase.title) {
            guestCase.expectation = .faults([DN_FAULT_CAPABILITY], .init(address: true, pc: true))
        }
        // Neither its capability nor its page allows it, and which is looked at first is the processor's affair.
        if guestCase.title == "runs its data" {
            guestCase.expectation = .faults([DN_FAULT_CAPABILITY, DN_FAULT_EXECUTE], .init(address: true, pc: true))
        }
        // Emulation is slow; the loop is to be stopped at its own time.
        if guestCase.guest != "loop" { guestCase.deadline = 60_000_000_000 }
        return guestCase
    }

    @Test func everyGuestIsTreatedAsNativeBackendsMust() throws {
        let plugin = try TestPlugin.make(try EmulatedExecutor())
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        #expect(Self.cases.count == 35)
        for guestCase in Self.cases {
            let image = try plugin.load(GuestCompiler.image(guestCase.guest, for: .aarch64))
            let outcome = try engine.invoke(
                image, inputs: guestCase.inputs, outputs: guestCase.outputs, limit: guestCase.limit,
                deadline: guestCase.deadline)
            let problems = guestCase.problems(outcome)
            #expect(problems.isEmpty, "\(guestCase): \(problems)")
        }
        #expect(plugin.host.log.isEmpty, "\(plugin.host.log)")
    }

    /// Two contexts at once, and a run that was cancelled before it began.
    @Test func contextsAreSeparate() throws {
        let plugin = try TestPlugin.make(try EmulatedExecutor())
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let image = try plugin.load(GuestCompiler.image("hello", for: .aarch64))
        let contexts = try (0..<2).map { _ in
            let context = try engine.context(limit: 1 << 20, image: image)
            try context.write(inputs: [], outputs: ["out"])
            return context
        }
        for context in contexts {
            let outcome = try context.outcome(try engine.run(context))
            #expect(outcome.outputs.first?.items.first?.data == [UInt8]("hello, world".utf8))
        }
        for context in contexts { context.destroy() }
        plugin.compute.pointee.interrupt?(engine.handle, engine.nextRunID, DN_INTERRUPT_CANCEL)
        #expect(try engine.invoke(image).outcome == DN_RUN_CANCELLED)
        #expect(try engine.invoke(image).outcome == DN_RUN_EXITED)
    }
}
