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

    @Test(arguments: ["abi", "comm", "compute", "guest", "host", "plugin", "status", "types", "version"])
    func eachHeaderStandsAlone(name: String) throws {
        let (status, text) = try run(
            ["gcc", "-std=c99", "-pedantic", "-Werror", "-x", "c", "-I", Self.include, "-fsyntax-only", "-"],
            input: "#include <dandelion/\(name).h>\ntypedef int not_empty;\n")
        #expect(status == 0, "\(text)")
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
