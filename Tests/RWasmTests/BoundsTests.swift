import Glibc
import PluginABI
import PluginHarness
import Testing

@testable import RWasmCore

/// Small modules that would become large ones, for the transpiler, the compiler or an instance.
@Suite(.serialized) struct BoundsTests {
    private static func number(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + number(value >> 7)
    }

    private static func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id] + number(bytes.count) + bytes }

    private static func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
        [[UInt8]](repeating: bytes, count: count).flatMap { $0 }
    }

    /// A module in the platform's form with `_start`, type 0, and functions of type 1; `code` are their bodies with locals.
    private static func module(
        type: [UInt8] = [0x60, 0, 0], functions: [[UInt8]] = [], start: [UInt8], tables: [UInt8] = []
    ) -> [UInt8] {
        let bodies = ([start] + functions).flatMap { number($0.count) + $0 }
        let types = [2, 0x60, 0, 0] + type
        return [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + section(1, types)
            + section(3, number(functions.count + 1) + [0] + [UInt8](repeating: 1, count: functions.count))
            + (tables.isEmpty ? [] : section(4, tables)) + section(5, [1, 0, 1])
            + section(6, [1, 0x7f, 0, 0x41, 0xe8, 0xfb, 0x03, 0x0b])
            + section(7, [2, 6] + Array("_start".utf8) + [0, 0, 23] + Array("__dandelion_system_data".utf8) + [3, 0])
            + section(10, number(functions.count + 1) + bodies)
    }

    /// A type of `count` parameters and as many results.
    private static func wide(_ count: Int, results: Bool = true) -> [UInt8] {
        let values = number(count) + [UInt8](repeating: 0x7f, count: count)
        return [0x60] + values + (results ? values : [0])
    }

    private static let leave: [UInt8] = [0x41, 0xe8, 0xfb, 0x03, 0x41, 7, 0x36, 2, 0]

    /// Peak of this process's memory, bytes.
    private func peak() throws -> Int {
        let status = try WasmGuest.readAll("/proc/self/status")
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM") }
        return try #require(line.flatMap { Int($0.split(whereSeparator: { !$0.isNumber }).first ?? "") }) << 10
    }

    static let bombs: [(name: String, bytes: [UInt8])] = [
        (
            "blocks of a thousand values",
            module(
                type: wide(1000),
                start: [0] + repeated([0x41, 0], 1000) + repeated([2, 1, 0x0b], 20_000) + repeated([0x1a], 1000) + [
                    0x0b
                ])
        ),
        (
            "calls of a thousand results",
            module(
                type: [0x60, 0] + number(1000) + [UInt8](repeating: 0x7f, count: 1000),
                functions: [[0, 0, 0x0b]], start: [0] + repeated([0x10, 1], 20_000) + [0, 0x0b])
        ),
        (
            "functions of a thousand parameters",
            module(
                type: wide(1000), functions: [[UInt8]](repeating: [0, 0, 0x0b], count: 20_000), start: [0, 0x0b])
        ),
        (
            "labels of a thousand values",
            module(
                type: wide(1000),
                start: [0] + repeated([0x41, 0], 1000) + [2, 1] + repeated([0x41, 0], 1) + [0x0e] + number(40_000)
                    + [UInt8](repeating: 0, count: 40_001) + [0x0b] + repeated([0x1a], 1000) + [0x0b])
        ),
        (
            "branches with a thousand values",
            module(
                type: wide(1000),
                start: [0] + repeated([0x41, 0], 1000) + [2, 1] + repeated([0x41, 0, 0x0d, 0], 20_000) + [0x0b]
                    + repeated([0x1a], 1000) + [0x0b])
        ),
        (
            "locals",
            module(
                functions: [[UInt8]](repeating: [1] + number(50_000) + [0x7f, 0x0b], count: 2000), start: [0, 0x0b])
        ),
        ("blocks in each other", module(start: [0] + repeated([2, 0x40], 200_000) + repeated([0x0b], 200_001))),
        ("operands on each other", module(start: [0] + repeated([0x41, 0], 300_000) + [0, 0x0b])),
    ]

    @Test(arguments: bombs.indices) func whatBecomesLargeIsRefusedSoon(_ index: Int) throws {
        let bomb = Self.bombs[index]
        let before = try peak()
        let begin = now()
        let error = #expect(throws: WasmError.self) { try Crates.sole(try ModuleDecoder.decode(bomb.bytes)) }
        #expect(now() - begin < 10_000_000_000, "\(bomb.name)")
        #expect(try peak() - before < 128 << 20, "\(bomb.name)")
        #expect(error?.kind == .unsupported && (error?.offset ?? 0) > 8, "\(bomb.name): \(String(describing: error))")
    }

    /// Locals that nothing names cost nothing, however many a function declares.
    @Test func localsAreNotWrittenBeforeTheyAreUsed() throws {
        let body: [UInt8] = [1] + Self.number(50_000) + [0x7f, 0x20] + Self.number(49_999) + [0x1a, 0x0b]
        let module = try ModuleDecoder.decode(
            Self.module(type: [0x60, 0, 0], functions: [[UInt8]](repeating: body, count: 10), start: [0, 0x0b]))
        let text = try Crates.sole(module).stages.joined().reduce(0) { $0 + $1.text.utf8.count }
        #expect(text < 1 << 14)
    }

    private func withEngine(_ body: (HarnessPlugin, HarnessEngine) throws -> Void) throws {
        let plugin = try HarnessPlugin(
            file: HarnessPlugin.path(of: "DandelionRWasm"), config: ["optimise": .bool(false)])
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        try body(plugin, engine)
    }

    /// A table of jumps with two hundred thousand rows is a table to the compiler, too.
    @Test func aLongTableOfJumpsIsCompiledSoon() throws {
        let rows = (0..<200_000).map { UInt8($0 & 1) }
        // The index 70001 takes the outer label, behind which 7 is the exit code.
        let start: [UInt8] =
            [0, 2, 0x40, 2, 0x40, 0x41] + [0xf1, 0xa2, 0x04] + [0x0e] + Self.number(rows.count) + rows + [0] + [
                0x0b, 0, 0x0b,
            ]
            + Self.leave + [0x0b]
        try withEngine { plugin, engine in
            let begin = now()
            let image = try plugin.load(Self.module(start: start))
            #expect(now() - begin < 60_000_000_000)
            #expect(try engine.invoke32(image).exitCode == 7)
        }
    }

    /// Tables count against the limit, are told, and go back.
    @Test func tablesCountAgainstTheLimitAndGoBack() throws {
        let table: [UInt8] = [0x70, 0] + Self.number(5_000_000)
        let bytes = Self.module(start: [0] + Self.leave + [0x0b], tables: [3] + table + table + table)
        try withEngine { plugin, engine in
            let image = try plugin.load(bytes)
            let error = #expect(throws: HarnessError.self) { try engine.invoke32(image, limit: 64 << 20) }
            #expect(error?.status == DN_LIMIT && error?.message.contains("memory limit") == true)
            let before = try WasmGuest.residentBytes()
            for _ in 0..<6 { #expect(try engine.invoke32(image, limit: 256 << 20).exitCode == 7) }
            engine.idle()
            #expect(try WasmGuest.residentBytes() - before < 16 << 20)
        }
    }

    /// A table grows by what the limit leaves, and no further.
    @Test func aTableGrowsWithinTheLimit() throws {
        // Exit code 1 when 1024 more elements fit, 2 when 1,000,000 do, 3 when both.
        let grow = { (count: Int, code: UInt8) -> [UInt8] in
            [0xd0, 0x70, 0x41] + Self.number(count) + [
                0xfc, 15, 0, 0x41, 0, 0x4e, 0x04, 0x40, 0x20, 0, 0x41, code, 0x6a,
            ]
                + [0x21, 0, 0x0b]
        }
        let start: [UInt8] =
            [1, 1, 0x7f] + grow(1024, 1) + grow(1_000_000, 2) + [0x41, 0xe8, 0xfb, 0x03, 0x20, 0, 0x36, 2, 0, 0x0b]
        let bytes = Self.module(start: start, tables: [1, 0x70, 0, 1])
        try withEngine { plugin, engine in
            let image = try plugin.load(bytes)
            #expect(try engine.invoke32(image, limit: 4 << 20).exitCode == 1)
        }
    }
}
