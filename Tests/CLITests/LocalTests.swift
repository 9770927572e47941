import Foundation
import Testing

/// Commands that need no node.
@Suite struct LocalTests {
    private static let config = """
        [plugins.gone]
        path = "/nonexistent/lib.so"
        [plugins.text]
        path = "/etc/passwd"
        [functions.HTTP]
        plugin = "gone"
        protocol = "http"
        [classes.default]
        backends = ["gone", "text"]
        """

    @Test func checkConfigTellsWhy() throws {
        let file = try TemporaryFile(Self.config)
        let ran = try Ran(["check-config", file.path])
        #expect(ran.status == 0 && ran.errors.isEmpty)
        #expect(ran.output.hasPrefix("\(file.path): no mistakes; listens on 127.0.0.1:8080"))
        #expect(
            ran.output.contains(
                "\n  default  none  1GiB, 1m, inline auto; not gone: plugin /nonexistent/lib.so: No such"))
        #expect(ran.output.contains("; not text: plugin /etc/passwd: "))
        #expect(ran.output.contains("\n  HTTP  none  protocol http, 30s, 64MiB; not gone: "))
    }

    /// The shipped files fit the schemas of the plugins of this build.
    @Test(arguments: ["dandelion", "x86-kvm", "plain-host", "morello", "third-party"])
    func shippedConfigs(name: String) throws {
        let ran = try Ran(["check-config", "\(Ran.shipped)/\(name).toml"])
        #expect(ran.status == 0 && ran.errors.isEmpty)
        #expect(ran.output.contains("\n  default"))
        if name != "third-party" { #expect(ran.output.contains("\n  HTTP  http  protocol http, ")) }
    }

    /// What is compiled in is the shipped file, and a node runs with it when no config is named.
    @Test func theBuiltInConfig() throws {
        let shipped = try Data(contentsOf: URL(fileURLWithPath: "\(Ran.shipped)/dandelion.toml"))
        #expect(try Ran(["default-config"]).output == String(decoding: shipped, as: UTF8.self))
        let checked = try Ran(["check-config"])
        #expect(checked.status == 0 && checked.output.hasPrefix("built-in config: no mistakes; listens on "))
        #expect(checked.output.contains("\n  process  process  "))
        let folder = TemporaryFile.folder.appending(path: "built-in")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let node = try Served(["--listen", "127.0.0.1:0"], folder: folder)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/dandelion-state/functions"))
        #expect(node.stop() == 0)
    }

    @Test func checkConfigTellsMistakes() throws {
        let file = try TemporaryFile("[node]\nlisen = 1\nlog = \"inf\"\n")
        let ran = try Ran(["check-config", file.path])
        #expect(ran.status == 78 && ran.output.isEmpty)
        #expect(
            ran.errors.hasPrefix(
                "\(file.path):2:1: unknown key 'lisen' in [node], did you mean 'listen'?\n    lisen = 1\n"))
        #expect(ran.errors.contains("\(file.path):3:7: 'node.log' cannot be 'inf', did you mean 'info'?"))
    }

    /// The config says what is a communication function.
    @Test func graph() throws {
        let text = try TemporaryFile(
            """
            function HTTP(requests) => (headers, bodies);
            function S3(requests) => (headers, bodies);
            composition Copy(from) => (to) {
                HTTP(requests = all from) => (puts = bodies);
                S3(requests = each puts) => (to = bodies);
            }
            """)
        let drawn = try Ran(["graph", text.path])
        #expect(drawn.status == 0 && drawn.errors.isEmpty)
        #expect(drawn.output.hasPrefix("digraph compositions {\n") && drawn.output.hasSuffix("}\n"))
        let filled = drawn.output.split(separator: "\n").filter { $0.contains("filled") }
        #expect(filled.count == 1 && filled[0].contains("HTTP"))
        let config = try TemporaryFile(
            "[plugins.s3]\npath = \"/nonexistent.so\"\n[functions.S3]\nplugin = \"s3\"\nprotocol = \"s3\"\n")
        let other = try Ran(["graph", text.path, "--config", config.path]).output
        #expect(other.contains("label=\"S3\", style=\"rounded,filled\"") && !other.contains("label=\"HTTP\", style"))
        let wrong = try Ran(["graph", try TemporaryFile("composition C(a) => (b) {}").path])
        #expect(wrong.status == 1 && wrong.output.isEmpty)
        #expect(wrong.errors.contains("line 1, column 22: output `b` is produced by no statement"))
        #expect(try Ran(["graph", "/nonexistent"]).status == 66)
    }

    @Test func pluginsList() throws {
        let file = try TemporaryFile(Self.config)
        let ran = try Ran(["plugins", "list", "--json", "--config", file.path])
        #expect(ran.status == 0)
        let list = try #require(try JSONSerialization.jsonObject(with: Data(ran.output.utf8)) as? [[String: String]])
        #expect(list.map { $0["name"] } == ["gone", "text"])
        #expect(list.allSatisfy { $0["availability"] == "unavailable" && $0["interface"] == "" })
        #expect(list[0]["path"] == "/nonexistent/lib.so" && list[0]["reason"]?.contains("No such file") == true)
        #expect(
            try Ran(["plugins", "--config", file.path]).output.hasPrefix(
                "gone    unavailable  plugin /nonexistent/lib.so"))
    }

    @Test func pluginsInspect() throws {
        let ran = try Ran(["plugins", "inspect", "/etc/passwd"])
        #expect(ran.status == 1 && ran.output.contains("availability  unavailable\n"))
        let unknown = try Ran(["plugins", "inspect", "nothing", "--config", try TemporaryFile(Self.config).path])
        #expect(unknown.status == 64 && unknown.errors.contains("known are gone, text"))
    }

    /// The plugins of this build, beside the executable.
    @Test func shippedPluginsDescribeThemselves() throws {
        let list = try Ran(["plugins", "list", "--json"])
        let found = try #require(try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: String]])
        let process = try #require(found.first { $0["name"] == "process" })
        #expect(process["interface"] == "dn.compute/1" && process["availability"] == "available")
        #expect(process["path"]?.hasSuffix("/libDandelionProcess.so") == true)
        let inspected = try Ran(["plugins", "inspect", "libDandelionProcess.so", "--json"])
        let facts = try #require(try JSONSerialization.jsonObject(with: Data(inspected.output.utf8)) as? [String: Any])
        #expect(facts["path"] as? String == process["path"] && (facts["id"] as? String)?.isEmpty == false)
    }

    /// Ready on standard output, clean on SIGTERM.
    @Test func serve() throws {
        let file = try TemporaryFile(Self.config)
        let state = TemporaryFile.folder.appending(path: "deep/state").path
        let node = try Served(["--config", file.path, "--listen", "127.0.0.1:0", "--state", state])
        #expect(FileManager.default.fileExists(atPath: state + "/functions"))
        #expect(node.stop() == 0)
    }
}

/// `dandelion serve` that has told that it is ready.
private struct Served {
    private let process = Process()

    init(_ arguments: [String], folder: URL? = nil) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: Ran.executable)
        process.arguments = ["serve"] + arguments
        if let folder { process.currentDirectoryURL = folder }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "Socket ready\n")
    }

    /// The exit code after SIGTERM; nil when a signal ended it.
    func stop() -> Int32? {
        process.terminate()
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : nil
    }
}
