import Glibc
import PluginABI
import PluginHarness
import Testing

extension KVMBackend {
    /// A function is over when run returns: its memory stays as it is, whatever it left half done, while the same vCPU runs
    /// others over other memory.
    ///
    /// What could reach into it and does not: the vCPU itself (it runs in KVM_RUN only, on this thread), an instruction that
    /// is completed at the next KVM_RUN (`in`, `rep insb`), a pending trap. There is no second vCPU, and no timer, interrupt
    /// controller or device: the VM has none.
    @Suite struct AfterTheEndTests {
        private static let size: UInt64 = 1 << 16
        private static let ways: ClosedRange<UInt64> = 0...11

        @Test(arguments: ways) func memoryStaysAsItIs(way: UInt64) throws {
            let late = try Rig.image("late")
            let hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                let isEndless = way >= 10
                for turn in 0..<(isEndless ? 20 : 200) {
                    let context = try engine.context(limit: 4 << 20, image: late)
                    try context.write(inputs: Rig.parameters(way), outputs: ["out"])
                    let result = try engine.run(context, deadline: isEndless ? 3_000_000 : 1_000_000_000)
                    #expect((result.outcome == DN_RUN_DEADLINE) == isEndless, "way \(way): \(result.outcome)")
                    let region = try context.outcome(result).notedAddress
                    let before = try context.read(region, Self.size)
                    // Way 3 is completed, in part, before run returns.
                    if !isEndless, way != 3 {
                        try #require(before.allSatisfy { $0 == UInt8(ascii: ".") }, "way \(way)")
                    }
                    for _ in 0..<2 { try #require(try engine.invoke(hello, idle: turn % 2 == 0).isHello) }
                    if turn % 16 == 0 { usleep(2000) }
                    let after = try context.read(region, Self.size)
                    try #require(before == after, "way \(way), run \(turn): memory changed after the end")
                    context.destroy()
                    engine.idle()
                }
            }
        }

        /// The end of run is the end of everything, so the host need not ask.
        @Test func nothingHasToSettle() throws {
            let plugin = try Rig.plugin.get()
            #expect(plugin.compute.pointee.context_settle == nil)
        }
    }
}
