import Foundation
import PluginABI
import PluginHarness
import Testing

@testable import CHERICore

/// The trampoline and the context images on an emulated Morello processor.
@Suite(.serialized, .enabled(if: Emulator.path != nil, Emulator.reason)) struct EmulatedTests {
    private static let battery = Battery(trampoline: nil)

    @Test func boundsAreAsTheProcessorComputesThem() throws {
        let machine = try EmulatedMachine(trampoline: Emulator.trampoline())
        for bits in 0..<46 {
            for index in 0..<12 {
                let power = UInt64(1) << UInt64(bits)
                let length = index < 6 ? power &+ UInt64(index) &- 3 : UInt64.random(in: power..<(power << 1))
                guard length < 1 << 47 else { continue }
                let (rounded, mask) = try machine.representable(length)
                let bounds = Representable.bounds(length)
                #expect(bounds.length == rounded && ~mask &+ 1 == bounds.alignment, "\(length)")
            }
        }
    }

    @Test(arguments: battery.checks.map(\.name)) func holds(check: String) throws {
        let problem = try Self.battery.checks.first { $0.name == check }?.run()
        #expect(problem == nil, "\(problem ?? "")")
    }

    @Test func twentyThousandRounds() throws {
        let problem = try Self.battery.rounds(20_000)
        #expect(problem == nil, "\(problem ?? "")")
    }

    /// One thread after another fault, and the next function finds nothing of the last.
    @Test func theEngineSurvivesEveryFault() throws {
        let plugin = try TestPlugin.make(try EmulatedExecutor(), stackBytes: 64 << 10)
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let escape = try plugin.load(Battery.guest("escape"))
        let zero = try plugin.load(GuestCompiler.image("zero", for: .aarch64))
        for row in FaultRow.all {
            let inputs = [
                GuestSet("p", [GuestItem("n", [row.way, row.address, ContextLayout.slot].flatMap { bytes(of: $0) })])
            ]
            let outcome = try engine.invoke(escape, inputs: inputs, limit: Battery.limit, deadline: row.deadline)
            #expect(outcome.outcome == row.outcome, "\(row): \(outcome)")
            let next = try engine.invoke(zero, limit: Battery.limit)
            #expect(numbers(in: next.outputs.first?.items.first?.data ?? []) == [0, 0], "after \(row): \(next)")
        }
    }

    /// A function is over when run returns: what it left stays as it is while the processor runs others over other slots.
    @Test func memoryStaysAsItIsAfterTheEnd() throws {
        let plugin = try TestPlugin.make(try EmulatedExecutor(), stackBytes: 64 << 10)
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let escape = try plugin.load(Battery.guest("escape"))
        let zero = try plugin.load(GuestCompiler.image("zero", for: .aarch64))
        for row in FaultRow.all {
            let inputs = [
                GuestSet("p", [GuestItem("n", [row.way, row.address, ContextLayout.slot].flatMap { bytes(of: $0) })])
            ]
            let context = try engine.context(limit: Battery.limit, image: escape)
            try context.write(inputs: inputs, outputs: ["out"])
            _ = try engine.run(context, deadline: row.deadline)
            let (begin, size) = (context.info.low, context.info.limit - context.info.low)
            let before = try context.read(begin, size)
            for _ in 0..<2 { _ = try engine.invoke(zero, limit: Battery.limit) }
            #expect(try context.read(begin, size) == before, "\(row): memory changed after the end")
            context.destroy()
            engine.idle()
        }
    }

    @Test(arguments: Mutation.all) func isCaught(mutation: Mutation) throws {
        let mutated = try #require(mutation.apply(to: Emulator.trampoline()), "\(mutation): not in trampoline.S once")
        let problem = Battery(trampoline: mutated).firstProblem()
        #expect(problem != nil, "\(mutation) is not caught")
        if let problem { print("caught: \(mutation): \(problem.check): \(problem.problem.prefix(160))") }
    }
}
