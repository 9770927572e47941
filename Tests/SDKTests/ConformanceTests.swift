import Foundation
import PluginABI
import PluginHarness
import Testing

/// Programs that print what the C library does, compiled with this machine's compiler and library and with the SDK:
/// both must print the same.
@Suite(.enabled(if: SDK.built, "the SDK folder is not built: ./dev sdk")) struct ConformanceTests {
    private static let folder = "Tests/SDKTests/conformance"
    /// The compiler must not compute results itself.
    private static let flags = ["-std=gnu17", "-O1", "-fno-builtin"]

    /// What the program prints here, in an empty folder.
    private func native(_ source: String, _ arguments: [String]) throws -> String {
        String(decoding: try nativeBytes(source, arguments), as: UTF8.self)
    }

    private func nativeBytes(_ source: String, _ arguments: [String]) throws -> [UInt8] {
        let work = try TemporaryFolder()
        let (program, printed) = (work.path + "-program", work.path + "-printed")
        let built = try SDK.run(
            ["cc", "-w"] + Self.flags + ["\(SDK.root)/\(Self.folder)/\(source)", "-o", program, "-lm"])
        defer { unlink(program) }
        try #require(built.status == 0, "\(built.text)")
        let command = ["sh", "-c", "\"$0\" \"$@\" > \(printed)", program]
        let ran = try SDK.run(command + arguments, in: work.path)
        defer { unlink(printed) }
        try #require(ran.status == 0, "\(ran.text)")
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: printed)))
    }

    private func function(_ source: String, _ arguments: String, reads input: [UInt8] = []) throws -> String {
        let image = try SDK.image("\(Self.folder)/\(source)", flags: Self.flags + ["-w"])
        let inputs = [
            GuestSet("stdio", [GuestItem("argv", text: "program " + arguments), GuestItem("stdin", input)])
        ]
        let outcome = try SDK.invoke(image, on: "DandelionProcess", inputs: inputs)
        try #require(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.story)")
        return outcome.item("stdio", "stdout")?.text ?? ""
    }

    /// The first line that differs, for a test's message.
    private func difference(_ ours: String, _ theirs: String) -> String {
        let lines = zip(ours.split(separator: "\n"), theirs.split(separator: "\n"))
        return lines.first { $0 != $1 }.map { "'\($0)' instead of '\($1)'" } ?? "one is longer"
    }

    @Test(arguments: ["format.c", "strings.c", "library.c"]) func printsTheSame(source: String) throws {
        let (ours, theirs) = (try function(source, ""), try native(source, []))
        #expect(theirs.count > 1000 && ours == theirs, "\(difference(ours, theirs))")
    }

    /// No NaN, infinity or sign is another, nor more than a few units of the last place.
    @Test func complexFunctionsAgree() throws {
        let theirs = try nativeBytes("complex.c", ["tell"])
        let differences = try function("complex.c", "compare", reads: theirs)
        #expect(theirs.count > 1 << 20 && differences == "120080 results, 0 others\n", "\(differences)")
    }

    @Test(arguments: 1...4) func changesATreeInTheSameWay(seed: Int) throws {
        let count = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 3000 : 50_000
        let theirs = try native("tree.c", ["\(seed)", "\(count)", "."])
        let ours = try function("tree.c", "\(seed) \(count) /tmp")
        #expect(theirs.count > 1000 && ours == theirs, "\(difference(ours, theirs))")
    }
}
