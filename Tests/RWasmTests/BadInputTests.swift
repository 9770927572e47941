import Glibc
import PluginABI
import PluginHarness
import Testing

@testable import RWasmCore

/// Modules that somebody made to hurt: each is refused with a reason, or runs into a fault that ends its run only.
@Suite(.serialized) struct BadInputTests {
    private static let head: [UInt8] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

    private static func number(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + number(value >> 7)
    }

    private static func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id] + number(UInt64(bytes.count)) + bytes }

    private static func name(_ bytes: [UInt8]) -> [UInt8] { number(UInt64(bytes.count)) + bytes }

    /// A module whose `_start` has `code`, with sections 2 to 5 of `middle` and 9 to 12 of `end` around it.
    private static func starting(_ code: [UInt8], imports: [UInt8] = [], middle: [UInt8] = [], end: [UInt8] = [])
        -> [UInt8]
    {
        let body = [0] + code + [0x0b]
        return head + section(1, [1, 0x60, 0, 0]) + imports + section(3, [1, 0]) + middle
            + section(7, [1] + name([UInt8]("_start".utf8)) + [0, 0])
            + section(10, [1] + number(UInt64(body.count)) + body)
            + end
    }

    private func refusal(_ bytes: [UInt8]) -> WasmError? {
        do throws(WasmError) {
            _ = try Crates.sole(try ModuleDecoder.decode(bytes))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ([0x80, 0x80, 0x80, 0x80, 0x80, 0x00], "integer representation too long"),
            ([0xff, 0xff, 0xff, 0xff, 0x7f], "integer too large"), ([0x80], "unexpected end"), ([], "unexpected end"),
        ] as [([UInt8], String)])
    func malformedNumbersAreRefused(_ number: [UInt8], _ reason: String) {
        let error = refusal(Self.head + [1] + number)
        #expect(error?.kind == .malformed && error?.message.hasPrefix(reason) == true, "\(String(describing: error))")
    }

    @Test func localsOfAllRunsAreCounted() {
        let run = Self.number(UInt64(UInt32.max)) + [0x7f]
        for count in 1...2 {
            let body = [UInt8(count)] + run + (count == 2 ? run : []) + [0x0b]
            let module =
                Self.head + Self.section(1, [1, 0x60, 0, 0]) + Self.section(3, [1, 0])
                + Self.section(10, [1] + Self.number(UInt64(body.count)) + body)
            #expect(refusal(module)?.message.contains("locals") == true)
        }
    }

    @Test func nestingIsBounded() {
        let deep = [UInt8](repeating: 0, count: 60_000).flatMap { _ in [0x02, 0x40] as [UInt8] }
        #expect(refusal(Self.starting(deep))?.message.contains("nested") == true)
    }

    @Test func sizesAreBounded() {
        let memory = Self.section(5, [1, 1] + Self.number(65537) + Self.number(65537))
        #expect(refusal(Self.starting([], middle: memory))?.kind == .invalid)
        let upsideDown = Self.section(5, [1, 1, 2, 1])
        #expect(refusal(Self.starting([], middle: upsideDown))?.kind == .invalid)
        #expect(refusal(Self.starting([], middle: Self.section(5, [2, 0, 1, 0, 1])))?.kind == .unsupported)
    }

    @Test func missingImportsAreNamed() throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionRWasm"))
        defer { plugin.stop() }
        let odd: [UInt8] = [0xf0, 0x9f, 0x92, 0xa5, 0x0a, 0x22]
        let imports = Self.section(2, [1] + Self.name([UInt8]("env".utf8)) + Self.name(odd) + [0, 0])
        let error = #expect(throws: HarnessError.self) { try plugin.load(Self.starting([], imports: imports)) }
        #expect("\(String(describing: error))".contains("env.\u{1f4a5}"))
    }

    private func run(_ module: [UInt8], limit: UInt64 = 4 << 20) throws -> WasmOutcome {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionRWasm"))
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        return try engine.invoke32(try plugin.load(module), limit: limit)
    }

    @Test func segmentsOutOfBoundsAreFaults() throws {
        let memory = Self.section(5, [1, 1, 1, 4])
        // A byte at 65536 and beyond: the memory may be larger than its minimum, never than its maximum.
        let data = Self.section(11, [1, 0, 0x41] + [0x80, 0x80, 0x10] + [0x0b, 1, 0x55])
        let outcome = try run(Self.starting([], middle: memory, end: data), limit: 1 << 20)
        #expect(
            outcome.result.outcome == DN_RUN_FAULTED && outcome.detail.contains("out of bounds"), "\(outcome.detail)")
        let table = Self.section(4, [1, 0x70, 0, 2])
        let elements = Self.section(9, [1, 0, 0x41, 2, 0x0b, 1, 0])
        let module =
            Self.head + Self.section(1, [1, 0x60, 0, 0]) + Self.section(3, [1, 0]) + table + memory
            + Self.section(7, [1] + Self.name([UInt8]("_start".utf8)) + [0, 0]) + elements
            + Self.section(10, [1, 2, 0, 0x0b])
        #expect(try run(module).result.outcome == DN_RUN_FAULTED)
    }

    @Test func endlessRecursionIsAFault() throws {
        let memory = Self.section(5, [1, 1, 1, 4])
        let outcome = try run(Self.starting([0x10, 0], middle: memory))
        #expect(
            outcome.result.outcome == DN_RUN_FAULTED && outcome.result.fault_kind == DN_FAULT_STACK, "\(outcome.detail)"
        )
    }
}
