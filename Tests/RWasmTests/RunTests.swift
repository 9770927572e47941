import Glibc
import PluginABI
import PluginHarness
import Testing

/// Modules of the original's raw form, end to end through the plugin's file.
@Suite(.serialized) struct RunTests {
    private static let plugin = "DandelionRWasm"

    private func withEngine(_ body: (HarnessPlugin, HarnessEngine) throws -> Void) throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: Self.plugin))
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        try body(plugin, engine)
    }

    @Test func probeNamesTheCompiler() throws {
        let found = try HarnessPlugin.probe(file: HarnessPlugin.path(of: Self.plugin))
        #expect(found.availability == DN_AVAILABLE)
        #expect(found.message.hasPrefix("rustc 1."))
        let missing = try HarnessPlugin.probe(
            file: HarnessPlugin.path(of: Self.plugin), config: ["rustc": .string("/nowhere/rustc")])
        #expect(missing.availability == DN_NOT_AVAILABLE)
        #expect(missing.reason == DN_REASON_MISSING_TOOL)
        #expect(missing.message.contains("apt-get install rustc"))
    }

    @Test func rawModuleRunsAgainAndAgain() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("reverse"))
            for round in 0..<50 {
                let text = "hello \(round)"
                let input = GuestSet("in", [GuestItem("x", key: UInt32(round & 1), [UInt8](text.utf8))])
                let outcome = try engine.invoke32(image, inputs: [input])
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
                #expect(outcome.exitCode == 0)
                let reversed = String(text.reversed())
                let expected = round & 1 == 1 ? reversed.uppercased() : reversed
                #expect(outcome.outputs.first?.items == [GuestItem("out", key: 7, [UInt8](expected.utf8))])
            }
        }
    }

    @Test(arguments: [
        ("t", DN_FAULT_TRAP, "unreachable"), ("b", DN_FAULT_TRAP, "out of bounds memory access"),
        ("w", DN_FAULT_TRAP, "out of bounds memory access"), ("d", DN_FAULT_TRAP, "integer divide by zero"),
        ("s", DN_FAULT_STACK, "call stack exhausted"), ("n", DN_FAULT_TRAP, "uninitialized element"),
        ("i", DN_FAULT_TRAP, "indirect call type mismatch"),
    ])
    func trapsAreFaults(_ kind: String, _ fault: Int32, _ detail: String) throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("misbehave"))
            for _ in 0..<3 {
                let bad = try engine.invoke32(image, inputs: [GuestSet("in", [GuestItem("x", [UInt8](kind.utf8))])])
                #expect(bad.result.outcome == DN_RUN_FAULTED)
                #expect(bad.result.fault_kind == fault)
                #expect(bad.detail.hasPrefix(detail), "\(bad.detail)")
                let good = try engine.invoke32(image, inputs: [GuestSet("in", [GuestItem("x", [0x67])])])
                #expect(good.result.outcome == DN_RUN_EXITED, "\(good.detail)")
                #expect(good.exitCode == 0)
            }
        }
    }

    @Test func endlessLoopEndsAtItsDeadline() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("misbehave"))
            for _ in 0..<5 {
                let begin = now()
                let outcome = try engine.invoke32(
                    image, inputs: [GuestSet("in", [GuestItem("x", [UInt8]("l".utf8))])], deadline: 20_000_000)
                #expect(outcome.result.outcome == DN_RUN_DEADLINE)
                #expect(outcome.result.run_ns >= 19_000_000)
                #expect(now() - begin < 60_000_000)
            }
        }
    }

    @Test func endlessLoopCanBeCancelled() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("misbehave"))
            nonisolated(unsafe) let handle = engine.handle
            let run = engine.nextRunID
            var thread = pthread_t()
            let job = Unmanaged.passRetained(
                Later {
                    usleep(20_000)
                    plugin.compute.pointee.interrupt?(handle, run, DN_INTERRUPT_CANCEL)
                })
            pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Later>.fromOpaque(argument).takeRetainedValue().body() }
                    return nil
                }, job.toOpaque())
            let outcome = try engine.invoke32(image, inputs: [GuestSet("in", [GuestItem("x", [UInt8]("l".utf8))])])
            pthread_join(thread, nil)
            #expect(outcome.result.outcome == DN_RUN_CANCELLED)
            #expect(outcome.result.run_ns < 500_000_000)
        }
    }
}

private final class Later: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
