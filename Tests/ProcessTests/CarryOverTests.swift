import Glibc
import PluginABI
import PluginHarness
import Testing

/// How a plugin is started in tests of both settings.
enum Reuse: String, CaseIterable, Sendable {
    case reset, never

    func plugin(pool: Int64 = 4, stackBytes: Int64 = 8 << 20) throws -> HarnessPlugin {
        let name: StaticString = self == .reset ? "reset" : "never"
        return try HarnessPlugin(
            file: processPlugin,
            config: ["reuse": .string(name), "pool": .int(pool), "stack_bytes": .int(stackBytes)])
    }
}

/// A process that has run one tenant's function runs another's, and nothing of the first is there: every register, flag,
/// base, control word, memory of every kind, the mask of signals. The guest changes all that it can and ends in every way.
@Suite struct CarryOver {
    private static let controlPage: UInt64 = 0x7e00_0030_0000
    private static let zygoteStack: UInt64 = 0x7e00_0010_2000
    private static let guests = GuestCompiler.sources + "/../ProcessTests/Guests"
    private static let rounds = getenv("DANDELION_LONG_TESTS") == nil ? 1000 : 10_000
    /// Small, because the guest reads and writes all of it.
    private static let limit: UInt64 = 3 << 20
    private static let stackBytes: Int64 = 256 << 10
    /// Words of an XSAVE area that only say which parts the processor holds to be in use.
    private static let bookkeeping = 64...71

    enum Way: UInt64, CaseIterable, Sendable {
        case gate, gateWithAll, interrupt, exitGroup, trapFlag, interruptFrom32Bits, gateOnTheSignalStack
        case fault, loop, systemCall

        /// Those that are no fault. Where nobody holds the process, a trap behind the wake may be told as one.
        static func clean(_ reuse: Reuse) -> [Way] {
            allCases.filter { $0.rawValue < Way.fault.rawValue && ($0 != .trapFlag || reuse == .reset) }
        }
    }

    @Test(arguments: Reuse.allCases, [false, true]) func nothingIsCarriedOver(reuse: Reuse, large: Bool) throws {
        let plugin = try reuse.plugin(pool: 1, stackBytes: Self.stackBytes)
        let images = try [1, 2].map { try image($0, large, plugin) }
        let fresh = try Self.baseline(large)
        let rounds = reuse == .reset ? (large ? Self.rounds / 5 : Self.rounds) : 50
        try onPinnedThread { core in
            let engine = try HarnessEngine(plugin, core: core)
            var seen: Set<pid_t> = []
            var ends = 0
            let ways = Way.clean(reuse)
            // Mapped images never share a process, so each has several turns.
            let turns = large ? 8 : 1
            for round in 0..<rounds {
                let way = round % 40 < 37 ? ways[round % ways.count] : Way.allCases[7 + round % 3]
                let outcome = try invoke(
                    way, images[round / turns % 2], engine, idle: round % 3 != 0,
                    changing: round < 16 ? 100 : .max)
                guard ways.contains(way) else {
                    ends += 1
                    try #require(outcome.outcome != DN_RUN_EXITED, "round \(round), \(way): \(outcome)")
                    continue
                }
                try #require(outcome.outcome == DN_RUN_EXITED, "round \(round), \(way): \(outcome)")
                try #require(difference(outcome, fresh) == nil, "round \(round), \(way)")
                // On one core, the zygote makes the next child when the engine's thread sleeps.
                if reuse == .never { usleep(1000) }
                seen.formUnion(try processes(parent: getpid()))
            }
            // Else this test would say nothing: they were the same process, or never.
            let most = ends + (large ? rounds / turns + 4 : 3)
            #expect(reuse == .reset ? seen.count <= most : seen.count > rounds / 4, "\(seen.count), \(most)")
            engine.destroy()
        }
        #expect(plugin.host.log.isEmpty, "\(plugin.host.log)")
    }

    /// What becomes of a process is known when its next function faults, too: signals reach their handlers, on their stack,
    /// and calls are refused with their numbers.
    @Test(arguments: Reuse.allCases, Way.clean(.reset)) func theNextFunctionFaultsAsTheFirst(
        reuse: Reuse, way: Way
    ) throws {
        guard Way.clean(reuse).contains(way) else { return }
        let plugin = try reuse.plugin(pool: 1, stackBytes: Self.stackBytes)
        let images = try [1, 2].map { try image($0, false, plugin) }
        let engine = try HarnessEngine(plugin)
        for _ in 0..<5 {
            #expect(try invoke(way, images[0], engine).outcome == DN_RUN_EXITED)
            let fault = try invoke(.fault, images[1], engine)
            #expect(fault.faultKind == DN_FAULT_READ && fault.address == 0, "\(way): \(fault)")
            #expect(try invoke(way, images[0], engine).outcome == DN_RUN_EXITED)
            let call = try invoke(.systemCall, images[1], engine)
            #expect(call.faultKind == DN_FAULT_SYSCALL && call.syscall == 39, "\(way): \(call)")
            #expect(try invoke(way, images[0], engine).outcome == DN_RUN_EXITED)
            #expect(try invoke(.loop, images[1], engine).outcome == DN_RUN_DEADLINE, "\(way)")
        }
        engine.destroy()
    }

    /// An image with other rights and places of its pages meets what a used process had for the one before it.
    @Test(arguments: Reuse.allCases) func imagesAlternate(reuse: Reuse) throws {
        let plugin = try reuse.plugin(pool: 1, stackBytes: Self.stackBytes)
        let fresh = try [false, true].map { try Self.baseline($0) }
        let images = try [false, true].map { try image(1, $0, plugin) }
        let others = GuestImages(plugin)
        let engine = try HarnessEngine(plugin)
        let ways = Way.clean(reuse)
        for round in 0..<60 {
            let large = round / 2 % 2
            let outcome = try invoke(ways[round % ways.count], images[large], engine)
            try #require(difference(outcome, fresh[large]) == nil, "round \(round): \(outcome.outcome)")
            let hello = try others.image("hello")
            #expect(try engine.invoke(hello, limit: Self.limit).outcome == DN_RUN_EXITED)
            // It has no right to write its code, whatever another image had in that place.
            let access = BackendSuite.cases.filter { $0.guest == "access" && $0.title.contains("writes") }
            for guestCase in access { #expect(try BackendSuite.run(guestCase, on: engine, others).isEmpty) }
            #expect(try engine.invoke(hello, limit: Self.limit).outcome == DN_RUN_EXITED)
            let calls = BackendSuite.cases.filter { $0.guest == "system_call" }
            let guestCase = calls[round % calls.count]
            #expect(try BackendSuite.run(guestCase, on: engine, others).isEmpty, "\(guestCase)")
        }
        engine.destroy()
    }

    private func image(_ seed: Int, _ large: Bool, _ plugin: HarnessPlugin) throws -> HarnessImage {
        try plugin.load(try Self.bytes(seed, large))
    }

    private static func bytes(_ seed: Int, _ large: Bool) throws -> [UInt8] {
        try GuestCompiler.image("carry", flags: ["-DSEED=\(seed)"] + (large ? ["-DLARGE"] : []), in: guests)
    }

    /// What a function finds in a process that nobody has used.
    private static func baseline(_ large: Bool) throws -> Outcome {
        let plugin = try Reuse.never.plugin(stackBytes: Self.stackBytes)
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let outcome = try run(.gate, try plugin.load(try bytes(1, large)), engine, true, .max)
        let words = outcome.outputs.first?.items.map { numbers(in: $0.data) } ?? []
        try #require(words.count == 3 && words[2].allSatisfy { $0 == 0 }, "\(words)")
        // The registers that hold nothing but what a start sets.
        try #require(words[0][8..<16].allSatisfy { $0 == 0 } && words[0][23] == 0 && words[0][24] == 0)
        return outcome
    }

    private func invoke(
        _ way: Way, _ image: HarnessImage, _ engine: HarnessEngine, idle: Bool = true, changing words: UInt64 = .max
    ) throws -> Outcome {
        try Self.run(way, image, engine, idle, words)
    }

    private static func run(
        _ way: Way, _ image: HarnessImage, _ engine: HarnessEngine, _ idle: Bool, _ changed: UInt64
    ) throws -> Outcome {
        let words = [way.rawValue, controlPage, zygoteStack, changed].flatMap { PluginHarness.bytes(of: $0) }
        return try engine.invoke(
            image, inputs: [GuestSet("p", [GuestItem("p", words)])], limit: limit,
            deadline: way == .loop ? 4_000_000 : 2_000_000_000, idle: idle)
    }

    /// What differs; nil = nothing.
    private func difference(_ outcome: Outcome, _ fresh: Outcome) -> String? {
        let (found, wanted) = (outcome.outputs.first?.items ?? [], fresh.outputs.first?.items ?? [])
        guard found.count == wanted.count else { return "\(found.count) items" }
        for (item, other) in zip(found, wanted) where item.data != other.data {
            let (words, others) = (numbers(in: item.data), numbers(in: other.data))
            for index in words.indices where index < others.count && words[index] != others[index] {
                if item.data.count > 4096, Self.bookkeeping.contains(index) { continue }
                return "\(item.ident) word \(index): \(String(words[index], radix: 16)) for \(others[index])"
            }
        }
        return nil
    }

}
