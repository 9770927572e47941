import CCHERI
import Foundation
import PluginABI
import PluginHarness
import Synchronization
import Testing

@testable import CHERICore

/// Everything that the trampoline promises, as checks that say what is wrong. The tests run all of it; the mutation run
/// wants one failure for each deliberate defect.
struct Battery {
    let trampoline: String?

    typealias Check = (name: String, run: () throws -> String?)

    var checks: [Check] {
        [("a function starts clean", hygiene), ("leaves by the stub", leaves), ("leaves by its own slot", original)]
            + [("bounds that cannot be exact are refused", refusals)]
            + FaultRow.all.map { row in (row.name, { try fault(row) }) }
            + [("comes back again and again", { try rounds(300) })]
    }

    /// The first thing that is wrong.
    func firstProblem() -> (check: String, problem: String)? {
        for check in checks {
            do {
                if let problem = try check.run() { return (check.name, problem) }
            } catch {
                return (check.name, "\(error)")
            }
        }
        return nil
    }

    // MARK: Running a guest

    static let limit: UInt64 = 1 << 20
    static let layout = ContextLayout(limit: limit, stackBytes: 64 << 10)

    static func guest(_ name: String, flags: [String] = []) throws -> [UInt8] {
        try GuestCompiler.image(
            name, flags: ["-I\(Tools.shim)"] + flags, in: "\(Tools.tests)/Guests", for: .aarch64)
    }

    func invoke(
        _ image: [UInt8], _ parameters: [UInt64], executor: EmulatedExecutor? = nil, deadline: UInt64 = 20_000_000_000
    ) throws -> (outcome: Outcome, response: EmulatedMachine.Response) {
        let executor = try executor ?? EmulatedExecutor(trampoline: trampoline)
        let plugin = try TestPlugin.make(executor, stackBytes: 64 << 10)
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let inputs = [GuestSet("parameters", [GuestItem("numbers", parameters.flatMap { bytes(of: $0) })])]
        let outcome = try engine.invoke(
            try plugin.load(image), inputs: inputs, limit: Self.limit, deadline: deadline)
        return (outcome, executor.last.withLock { $0 })
    }

    // MARK: Checks

    private func leaves() throws -> String? {
        let outcome = try invoke(Self.guest("escape"), [33, 0, ContextLayout.slot]).outcome
        return outcome.outcome == DN_RUN_EXITED ? nil : "\(outcome)"
    }

    private func original() throws -> String? {
        for base in ["0x0", "0x10000"] {
            let outcome = try invoke(Self.guest("original", flags: ["-Wl,--image-base=\(base)"]), []).outcome
            let item = outcome.outputs.first?.items.first?.data
            guard outcome.outcome == DN_RUN_EXITED, outcome.exitCode == 42, item == bytes(of: 0x1122_3344_5566_7788)
            else { return "\(outcome)" }
        }
        return nil
    }

    func rounds(_ count: UInt64) throws -> String? {
        let executor = try EmulatedExecutor(trampoline: trampoline, rounds: count)
        let (outcome, response) = try invoke(Self.guest("rounds"), [], executor: executor, deadline: 0)
        let counted = outcome.outputs.first?.items.first.map { numbers(in: $0.data) }
        return response.rounds == count && counted == [count] ? nil : "\(response.rounds) rounds, \(outcome)"
    }

    private func fault(_ row: FaultRow) throws -> String? {
        let (outcome, response) = try invoke(
            Self.guest("escape"), [row.way, row.address, ContextLayout.slot],
            executor: EmulatedExecutor(trampoline: trampoline, opensPages: row.opensPages), deadline: row.deadline)
        return row.problem(outcome, response)
    }

    /// Bounds a little off, each alone: the trampoline must not enter.
    private func refusals() throws -> String? {
        let machine = try EmulatedMachine(trampoline: trampoline ?? Emulator.trampoline())
        let layout = Self.layout
        let arena = try Arena(TestPlugin.settings(stackBytes: 64 << 10))
        let memory = try arena.take()
        for range in layout.memory { try protect(memory, range) }
        let entry = Entry(
            memory: memory, layout: layout, protections: [], codeBytes: 0x10000, entry: 0, argument: 0, slot: 0xf000)
        var odd = [entry.call(at: EmulatedMachine.contextBase), entry.call(at: EmulatedMachine.contextBase)]
        odd[0].data_bytes -= 1
        odd[1].code_bytes = (1 << 20) + 4
        for call in odd {
            let response = try machine.run(entry, call: call)
            guard response.status == CHERI_REFUSED, response.damage == 0 else { return "entered: \(response)" }
        }
        return nil
    }

    // MARK: Hygiene (Guests/hygiene.c)

    private func hygiene() throws -> String? {
        let image = try Self.guest("hygiene")
        let outcome = try invoke(image, [ContextLayout.slot]).outcome
        guard outcome.outcome == DN_RUN_EXITED, let item = outcome.outputs.first?.items.first else {
            return "\(outcome)"
        }
        let words = numbers(in: item.data)
        guard words.count == 144 else { return "\(words.count) words" }
        let code = try image.withUnsafeBytes { try Image($0, contextMax: 1 << 30).codeBytes }
        let base = EmulatedMachine.contextBase
        let expected: [(String, Range<Int>, [UInt64])] = [
            ("x1 to x29", 1..<30, Array(repeating: 0, count: 29)),
            ("v0 to v31", 32..<96, Array(repeating: 0, count: 64)),
            ("tags of c1 to c29", 96..<100, [0, 0, 0, 0]),
            ("NZCV, FPCR, FPSR, tag of CSP", 100..<104, [0, 0, 0, 0]),
            ("DDC", 104..<108, [base, Self.layout.size, 0x34000, 1]),
            ("c30", 108..<112, [base, code, 0x8000, 1]),
            ("CID", 112..<114, [0, 0]), ("CTPIDR", 114..<116, [0, 0]), ("SP", 116..<117, [Self.layout.size]),
            ("return pair", 128..<132, [32, 0x24040, 1, 2]),
        ]
        for (name, range, values) in expected where Array(words[range]) != values {
            return
                "\(name): \(words[range].map { String($0, radix: 16) }) instead of \(values.map { String($0, radix: 16) })"
        }
        return nil
    }
}
