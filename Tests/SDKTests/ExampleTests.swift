import Foundation
import PluginABI
import PluginHarness
import Testing

/// The programs of Examples/programs.
@Suite(.enabled(if: SDK.built, "the SDK folder is not built: ./dev sdk")) struct ExampleTests {
    static let images = ["astronaut_18k", "chelsea_18k", "coffee_18k", "discs_512_18k"]

    private func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(SDK.root)/Tests/SDKTests/images/\(file)")))
    }

    /// The PNG files are read by zlib in Python, which shares no code with the example.
    @Test(arguments: SDK.backends) func qoiBecomesPNG(backend: String) throws {
        let items = try Self.images.map { GuestItem($0 + ".qoi", try bytes($0 + ".qoi")) }
        let inputs = [GuestSet("images", items + [GuestItem("broken", text: "qoif")])]
        let outcome = try SDK.invoke(
            SDK.image("Examples/programs/qoi2png.c"), on: backend, inputs: inputs, outputs: ["pngs", "stdio"])
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 1, "\(outcome.story)")
        #expect(outcome.item("stdio", "stderr")?.text == "broken: not an image that can be converted\n")
        #expect(outcome.set("pngs").map(\.ident) == Self.images.map { $0 + ".png" })
        for png in outcome.set("pngs") {
            let path = "/tmp/sdk-\(UUID().uuidString).png"
            defer { unlink(path) }
            try Data(png.data).write(to: URL(fileURLWithPath: path))
            let result = try SDK.run([
                "python3", "\(SDK.root)/Tests/SDKTests/native/compare_png.py", path,
                "\(SDK.root)/Tests/SDKTests/images/\(png.ident)",
            ])
            #expect(result.status == 0, "\(png.ident): \(result.text)")
        }
    }

    @Test(arguments: SDK.backends) func grepFindsLines(backend: String) throws {
        let inputs = [
            GuestSet("stdio", [GuestItem("argv", text: "grep \"er+or [0-9]\"")]),
            GuestSet(
                "files",
                [
                    GuestItem("a/b.log", text: "one\nerror 5\n"), GuestItem("c", text: "errror 6\nxx\nerror 7"),
                    GuestItem("d", text: "nothing"),
                ]),
        ]
        let outcome = try SDK.invoke(
            SDK.image("Examples/programs/grep.cpp", flags: ["-std=c++20"]), on: backend, inputs: inputs,
            outputs: ["matches", "stdio"])
        #expect(outcome.item("stdio", "stdout")?.text == "3 lines match\n", "\(outcome.story)")
        #expect(
            outcome.set("matches") == [
                GuestItem("a/b.log", text: "2:error 5\n"), GuestItem("c", text: "1:errror 6\n3:error 7\n"),
            ])
    }
}

/// The file system's core, built for this machine with the address and undefined-behaviour sanitizers.
@Suite struct FileSystemTests {
    @Test(arguments: 1...4) func doesWhatARealDirectoryDoes(seed: Int) throws {
        let folder = "/tmp/sdk-vfs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/tree", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let build = try SDK.run(["\(SDK.root)/Tests/SDKTests/native/build.sh", folder + "/vfs_test"])
        try #require(build.status == 0, "\(build.text)")
        let command = "cd \(folder)/tree && ASAN_OPTIONS=detect_leaks=0 ../vfs_test \(seed) 10000"
        let result = try SDK.run(["sh", "-c", command])
        #expect(result.status == 0 && result.text == "the same\n", "\(result.text)")
    }
}
