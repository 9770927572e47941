import PluginABI
import PluginHarness
import Testing

extension KVMBackend {
    /// No register carries anything from one function to the next, however the first one ended.
    ///
    /// Each reset was seen to matter by taking it out: without the trampoline's xrstor, vectors and control words stay;
    /// without the synced segment registers, fs_base and gs_base; without the synced general registers, everything else;
    /// without settling, the function that made a pending `in` resumes inside the next run (ways 3 to 5). Only the reset
    /// of events was never seen to matter: no function was found that leaves one pending.
    @Suite struct StateTests {
        struct State {
            var general: [UInt64]
            var flags: UInt64
            var fsBase: UInt64
            var gsBase: UInt64
            var mxcsr: UInt32
            var x87Control: UInt32
            var x87Status: UInt32
            var x87Tags: UInt32
            var vectors: UInt64
            var features: UInt64

            /// As Guests/registers.c lays it out.
            init(_ bytes: [UInt8]) {
                func word(_ index: Int) -> UInt64 {
                    bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
                }
                func half(_ index: Int) -> UInt32 {
                    bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self) }
                }
                general = (0..<16).map(word)
                (flags, fsBase, gsBase) = (word(16), word(17), word(18))
                (mxcsr, x87Control, x87Status, x87Tags) = (half(40), half(41), half(42), half(43))
                (vectors, features) = (word(22), word(23))
            }
        }

        private func run(
            _ engine: HarnessEngine, _ image: HarnessImage, way: UInt64
        ) throws -> (outcome: Outcome, context: HarnessContext, state: State) {
            let context = try engine.context(limit: 4 << 20, image: image)
            defer {
                // Zeroes the memory, so that the next run has the same slot: only under the same page tables could an
                // instruction that was left half done go on.
                context.destroy()
                engine.idle()
            }
            try context.write(inputs: Rig.parameters(way), outputs: ["out"])
            // Way 2 loops; the others only need time, on a slow machine.
            let result = try engine.run(context, deadline: way == 2 ? 50_000_000 : 2_000_000_000)
            let outcome = try context.outcome(result)
            let items = outcome.outputs.first?.items ?? []
            return (outcome, context, State(items.first?.data ?? [UInt8](repeating: 0xff, count: 192)))
        }

        private func expectFresh(_ state: State, _ context: HarnessContext, after way: UInt64) {
            let rsp = context.info.stack_high - 32
            let general: [UInt64] = [0, 0, 0, 0, 0, context.entryBlock, 0, rsp, 0, 0, 0, 0, 0, 0, 0, 0]
            #expect(state.general == general, "general registers after way \(way)")
            // The interrupt flag is the machine's, and the resume flag an emulator's.
            #expect(state.flags & ~0x1_0200 == 2, "flags after way \(way)")
            #expect((state.fsBase, state.gsBase) == (0, 0), "segment bases after way \(way)")
            #expect((state.mxcsr, state.x87Control) == (0x1f80, 0x37f), "control words after way \(way)")
            #expect((state.x87Status, state.x87Tags) == (0, 0), "x87 stack after way \(way)")
            #expect(state.vectors == 0, "vectors after way \(way)")
        }

        @Test func nothingIsLeftOver() throws {
            let image = try Rig.image("registers", flags: Rig.ownEntry)
            try Rig.withEngine { engine in
                for way in UInt64(0)...10 {
                    let spoiled = try run(engine, image, way: way)
                    #expect(spoiled.outcome.outcome == [0, 1, 2, 1, 1, 1, 1, 0, 0, 1, 1][Int(way)], "way \(way)")
                    let next = try run(engine, image, way: 0)
                    #expect(next.outcome.outcome == DN_RUN_EXITED)
                    expectFresh(next.state, next.context, after: way)
                }
            }
        }

        @Test func theFirstRunIsFreshToo() throws {
            let image = try Rig.image("registers", flags: Rig.ownEntry)
            try Rig.withEngine { engine in
                let first = try run(engine, image, way: 0)
                expectFresh(first.state, first.context, after: 0)
                print("functions have XCR0 0x\(String(first.state.features, radix: 16))")
            }
        }
    }
}
