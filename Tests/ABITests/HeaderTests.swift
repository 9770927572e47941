import Foundation
import Testing

/// The headers are C99, and say the same to every compiler that plugin authors use.
@Suite struct HeaderTests {
    static let include = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/PluginABI/include").path

    private func run(_ command: [String], input: String) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let stdin = Pipe()
        let output = Pipe()
        process.standardInput = stdin
        process.standardError = output
        process.standardOutput = output
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test(arguments: [
        ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c"],
        ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-x", "c++"],
        ["clang", "--target=aarch64-none-elf", "-std=c99", "-ffreestanding", "-Wall", "-Werror", "-x", "c"],
        ["clang", "--target=wasm32", "-std=c99", "-ffreestanding", "-Wall", "-Werror", "-x", "c"],
    ]) func compiles(command: [String]) throws {
        let source = "#include <dandelion/abi.h>\n"
        let (status, text) = try run(command + ["-I", Self.include, "-fsyntax-only", "-"], input: source)
        #expect(status == 0, "\(command[0]): \(text)")
    }

    @Test(arguments: [
        "abi", "comm", "compute", "fleet", "guest", "host", "plugin", "status", "translate", "types", "version",
    ])
    func eachHeaderStandsAlone(name: String) throws {
        let (status, text) = try run(
            ["gcc", "-std=c99", "-pedantic", "-Werror", "-x", "c", "-I", Self.include, "-fsyntax-only", "-"],
            input: "#include <dandelion/\(name).h>\ntypedef int not_empty;\n")
        #expect(status == 0, "\(text)")
    }

    /// Binding generators (bindgen, cgo) read enumerators, and macros that are a literal; a cast hides a macro from them.
    @Test func constantsAreVisibleToBindingGenerators() throws {
        let (status, text) = try run(
            ["clang", "-I", Self.include, "-E", "-dM", "-x", "c", "-"], input: "#include <dandelion/abi.h>\n")
        try #require(status == 0)
        let hidden = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 2) }.filter { words in
            guard words.count == 3, words[1].hasPrefix("DN_"), !words[1].contains("(") else { return false }
            return words[2].wholeMatch(
                of: /"[^"]*"|(0x)?[0-9a-f]+u?(ll)?|\(1ull << [0-9]+\)|_.*|DN_NONNULL_(BEGIN|END)/) == nil
        }
        #expect(hidden.isEmpty, "\(hidden)")
        let count = try FileManager.default.contentsOfDirectory(atPath: "\(Self.include)/dandelion").reduce(0) {
            try $0
                + String(contentsOfFile: "\(Self.include)/dandelion/\($1)", encoding: .utf8)
                .components(separatedBy: "\nDN_CONSTANT(").count - 1
        }
        #expect(count > 70)
    }

    /// Typed in C++, and in C what may stand in a case label or an initializer.
    @Test func constantsHaveTheirTypes() throws {
        let cases = "int f(int32_t x) { switch (x) { case DN_RUN_EXITED: return 1; default: return DN_FAILED; } }\n"
        let typed = """
            #include <type_traits>
            static_assert(std::is_same<decltype(DN_OK), const dn_status>::value, "");
            static_assert(std::is_same<decltype(DN_FAULT_READ), const int32_t>::value, "");

            """
        for (compiler, extra) in [(["gcc", "-std=c99", "-pedantic", "-x", "c"], ""), (["g++", "-x", "c++"], typed)] {
            let (status, text) = try run(
                compiler + ["-Wall", "-Wextra", "-Werror", "-I", Self.include, "-fsyntax-only", "-"],
                input: "#include <dandelion/abi.h>\n" + cases + extra
                    + "static const int32_t all[] = {DN_OK, DN_COMM_RESET};\nint g(void) { return all[0]; }\n")
            #expect(status == 0, "\(compiler[0]): \(text)")
        }
    }

    @Test func everySlotSaysSinceAndThread() throws {
        for name in ["compute", "comm", "host", "plugin"] {
            let text = try String(contentsOfFile: "\(Self.include)/dandelion/\(name).h", encoding: .utf8)
            let slots = text.components(separatedBy: "(*DN_NULLABLE ").count - 1
            let since = text.components(separatedBy: "Since 1.").count - 1
            #expect(slots > 0)
            // Slots that share one comment (read/write, get_*) make the count an upper bound of what may be missing.
            #expect(since * 3 >= slots, "\(name).h: \(since) comments for \(slots) slots")
        }
    }
}
