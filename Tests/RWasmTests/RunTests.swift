import Glibc
import PluginABI
import PluginHarness
import Synchronization
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

    /// Much data is mapped and not copied: what a run writes to it, another module's, or a smaller limit is not seen by the next.
    @Test func dataIsAlwaysAsInTheModule() throws {
        try withEngine { plugin, engine in
            let images = try [1, 2].map { try plugin.load(try WasmGuest.raw("large", ["-DSEED=\($0)"])) }
            let stain = try plugin.load(try WasmGuest.raw("stain"))
            func run(_ image: HarnessImage, _ word: UInt32, limit: UInt64) throws -> [UInt8]? {
                let bytes = withUnsafeBytes(of: word.littleEndian) { [UInt8]($0) }
                let outcome = try engine.invoke32(
                    image, inputs: [GuestSet("in", [GuestItem("x", bytes)])], limit: limit)
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
                return outcome.outputs.first?.items.first?.data
            }
            for round in 0..<24 {
                let pages: UInt32 = [0, 1, 100, 512][round % 4]
                let found = try run(images[round / 3 % 2], pages, limit: [8 << 20, 4 << 20][round % 2])
                #expect(found == [0, 0, 0, 0], "round \(round)")
                if round % 5 == 0 { #expect(try run(stain, 1 << 20, limit: 1200 << 20) == [0], "round \(round)") }
            }
        }
    }

    /// Memory is used again and again, near the beginning by zeroing it in place, beyond by giving it back.
    @Test func nothingOfARunIsLeftToTheNext() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("stain"))
            for mebibytes: UInt32 in [1, 0, 4, 0, 5, 0, 600, 0, 1100, 1, 0, 1100, 1100, 0] {
                let until = mebibytes << 20
                let word = withUnsafeBytes(of: until.littleEndian) { [UInt8]($0) }
                let outcome = try engine.invoke32(
                    image, inputs: [GuestSet("in", [GuestItem("x", word)])], limit: 1200 << 20)
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
                #expect(outcome.outputs.first?.items.first?.data == [0], "stained before \(mebibytes)")
            }
        }
    }

    /// An engine that is never idle gives memory back before the next function begins, which may run for minutes.
    @Test func nothingLargeStaysThroughTheNextRun() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("fill"))
            let input = GuestSet("in", [GuestItem("x", [64, 0, 0, 0])])
            for _ in 0..<3 {
                let before = try WasmGuest.residentBytes()
                let outcome = try engine.invoke32(image, inputs: [input], limit: 80 << 20, idle: false)
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
                #expect(try WasmGuest.residentBytes() - before > 48 << 20)
                let next = try engine.context(limit: 80 << 20, image: image)
                #expect(try WasmGuest.residentBytes() - before < 16 << 20)
                next.destroy()
            }
        }
    }

    /// A host that loads an image anew for each request keeps the last one; without a folder for results, whoever does not know
    /// the bytes compiles them again and tells so.
    @Test func knownBytesAreNotCompiledAgain() throws {
        try withEngine { plugin, engine in
            let module = try WasmGuest.raw("reverse")
            var image = try plugin.load(module)
            for _ in 0..<5 {
                image = try plugin.load(module) { _, stage in Issue.record("the module is \(stage) again") }
                let input = GuestSet("in", [GuestItem("x", [0x61])])
                #expect(try engine.invoke32(image, inputs: [input]).result.outcome == DN_RUN_EXITED)
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

    /// What the backend promises, ns.
    private static let promptly: UInt64 = 5_000_000

    /// Calls `lateness` until it was prompt three times, at most sixty times (a thousand times in a long run): on a busy
    /// machine the thread may have to wait for a processor. Prints how late the stops were, ns.
    private func expectPromptStops(_ what: String, _ lateness: () throws -> UInt64) throws {
        let isLong = getenv("DANDELION_LONG_TESTS") != nil
        var late: [UInt64] = []
        var prompt = 0
        while isLong ? late.count < 1000 : late.count < 60 && prompt < 3 {
            late.append(try lateness())
            if late[late.count - 1] < Self.promptly { prompt += 1 }
        }
        let sorted = late.sorted()
        let (median, tail) = (sorted[sorted.count / 2] / 1000, sorted[sorted.count * 99 / 100] / 1000)
        print("\(what): \(late.count) stops, late by p50 \(median) us, p99 \(tail) us, prompt \(prompt)")
        #expect(prompt >= 3, "\(what): ns late \(sorted)")
    }

    private static let endless = [GuestSet("in", [GuestItem("x", [UInt8]("l".utf8))])]

    @Test func endlessLoopEndsAtItsDeadline() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("misbehave"))
            let deadline: UInt64 = 4_000_000
            try expectPromptStops("deadline") {
                let outcome = try engine.invoke32(image, inputs: Self.endless, deadline: deadline)
                #expect(outcome.result.outcome == DN_RUN_DEADLINE)
                // The deadline counts from a little before the run.
                #expect(outcome.result.run_ns >= deadline - 1_000_000 || outcome.result.run_ns == 0)
                return outcome.result.run_ns - min(outcome.result.run_ns, deadline)
            }
        }
    }

    @Test func endlessLoopCanBeCancelled() throws {
        try withEngine { plugin, engine in
            let image = try plugin.load(try WasmGuest.raw("misbehave"))
            nonisolated(unsafe) let handle = engine.handle
            try expectPromptStops("cancel") {
                let run = engine.nextRunID
                let asked = Atomic<UInt64>(0)
                var thread = pthread_t()
                let job = Unmanaged.passRetained(
                    Later {
                        usleep(4_000)
                        asked.store(now(), ordering: .relaxed)
                        plugin.compute.pointee.interrupt?(handle, run, DN_INTERRUPT_CANCEL)
                    })
                pthread_create(
                    &thread, nil,
                    { argument in
                        if let argument { Unmanaged<Later>.fromOpaque(argument).takeRetainedValue().body() }
                        return nil
                    }, job.toOpaque())
                let outcome = try engine.invoke32(image, inputs: Self.endless)
                let ended = now()
                pthread_join(thread, nil)
                #expect(outcome.result.outcome == DN_RUN_CANCELLED)
                return ended - asked.load(ordering: .relaxed)
            }
        }
    }
}

private final class Later: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
