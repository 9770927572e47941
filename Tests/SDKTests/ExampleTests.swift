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
            let path = "\(NSTemporaryDirectory())sdk-\(UUID().uuidString).png"
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

    @Test(arguments: SDK.backends) func reportFillsTemplates(backend: String) throws {
        let one = """
            1.1.1.1 - - [x] "GET /a?x=1 HTTP/1.1" 200 1000 "-" "c"
            1.1.1.1 - - [x] "GET /<b> HTTP/1.1" 404 24
            junk
            1.1.1.1 - - [x] "GET /a HTTP/1.1" 304 -
            """
        let page = """
            {{requests}} requests, {{bytes}} bytes, {{unreadable}} unreadable
            {{#services}}{{name}}: {{requests}}, {{errors}} errors;{{#paths}} {{name}} {{requests}}{{/paths}}
            {{/services}}
            """
        let logs = GuestSet(
            "logs",
            [GuestItem("one", text: one), GuestItem("two", text: #"1.1.1.1 - - [x] "GET /c HTTP/1.1" 500 5"#)])
        let image = try SDK.image("Examples/programs/report.cpp", flags: ["-std=c++20"])
        let outcome = try SDK.invoke(
            image, on: backend, inputs: [logs, GuestSet("templates", [GuestItem("page", text: page)])])
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.story)")
        #expect(
            outcome.item("out", "page")?.text == """
                4 requests, 1029 bytes, 1 unreadable
                one: 3, 1 errors; /a 2 /&lt;b&gt; 1
                two: 1, 1 errors; /c 1

                """)
        let wrong = GuestSet("templates", [GuestItem("page", text: "{{#services}}{{nothing}}{{/services}}")])
        let refused = try SDK.invoke(image, on: backend, inputs: [logs, wrong])
        #expect(refused.exitCode == 1)
        #expect(refused.item("stdio", "stderr")?.text == "page: there is no name nothing\n", "\(refused.story)")
    }

    /// Python's SQLite makes the database and says what the answers are.
    @Test func sqliteAnswersQueries() throws {
        let folder = try TemporaryFolder()
        let build = ["\(SDK.root)/Examples/programs/sqlite/build.sh", SDK.folder, folder.path + "/query"]
        let built = try SDK.run(build)
        guard built.status != 77 else { return print("SQLite is not tested: \(built.text)") }
        try #require(built.status == 0, "\(built.text)")
        let python = try SDK.run(
            ["python3", "\(SDK.root)/Tests/SDKTests/native/database.py", folder.path + "/people"])
        try #require(python.status == 0, "\(python.text)")
        let image = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/query")))
        let database = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/people")))
        let query = "select name, count(*) n, sum(age) from people group by name order by name"
        let inputs = [
            GuestSet("db", [GuestItem("people", database)]),
            GuestSet("queries", [GuestItem("ages", text: query), GuestItem("bad", text: "selec")]),
        ]
        for backend in SDK.backends {
            let outcome = try SDK.invoke(image, on: backend, inputs: inputs)
            #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 1, "\(outcome.story)")
            #expect(outcome.item("out", "ages.csv")?.text == python.text)
            #expect(outcome.item("stdio", "stderr")?.text == "queries/bad: near \"selec\": syntax error\n")
        }
    }
}

/// The file system's core, built for this machine with the address and undefined-behaviour sanitizers.
@Suite struct FileSystemTests {
    @Test(arguments: 1...4) func doesWhatARealDirectoryDoes(seed: Int) throws {
        let folder = "\(NSTemporaryDirectory())sdk-vfs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/tree", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let build = try SDK.run(["\(SDK.root)/Tests/SDKTests/native/build.sh", "vfs_test.c", folder + "/vfs_test"])
        try #require(build.status == 0, "\(build.text)")
        let command = "cd \(folder)/tree && ASAN_OPTIONS=detect_leaks=0 ../vfs_test \(seed) 10000"
        let result = try SDK.run(["sh", "-c", command])
        #expect(result.status == 0 && result.text == "the same\n", "\(result.text)")
    }

    @Test func everyAllocationMayFail() throws {
        let folder = try TemporaryFolder()
        let build = try SDK.run(
            ["\(SDK.root)/Tests/SDKTests/native/build.sh", "memory_test.c", folder.path + "/memory_test"])
        try #require(build.status == 0, "\(build.text)")
        let result = try SDK.run(["env", "ASAN_OPTIONS=detect_leaks=0", folder.path + "/memory_test"])
        #expect(result.status == 0 && result.text.hasSuffix(" allocations refused\n"), "\(result.text)")
    }
}
