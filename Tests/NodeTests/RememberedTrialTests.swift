import Foundation
import PluginHarness
import Testing

/// A plugin's trial is not repeated while nothing of what it depends on has changed, and is when anything has.
@Suite(.serialized) struct RememberedTrialTests {
    private static let remembered = "passed its trial before"
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-trials-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func install(_ fixture: String, _ flags: [String] = []) throws {
        let root = RunningNode.root.path
        let clang = try Process.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            arguments: [
                "clang", "-shared", "-fPIC", "-w", "-I", "\(root)/Sources/PluginABI/include", "-o", "\(folder)/echo.so",
            ] + flags + ["\(root)/Tests/Fixtures/Bad/\(fixture).c"])
        clang.waitUntilExit()
        try #require(clang.terminationStatus == 0)
    }

    /// Starts a node on the state of those before it, and ends it.
    private func start(_ settings: String = "") throws -> (log: String, node: RunningNode) {
        let node = try RunningNode(
            config: """
                [plugins.echo]
                path = "\(folder)/echo.so"
                \(settings)
                [functions.Echo]
                plugin = "echo"
                protocol = "echo"
                """, state: folder + "/node")
        #expect(node.stop() == 0)
        return (node.log, node)
    }

    private var trials: String { folder + "/node/state/trials" }

    private func verdicts() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: trials).filter { $0 != "key" }
    }

    @Test func whatChangedIsTriedAgain() throws {
        // A node removes its folder when it goes.
        var kept: [RunningNode] = []
        defer {
            kept.removeAll()
            try? FileManager.default.removeItem(atPath: folder)
        }
        func isRemembered(_ settings: String = "") throws -> Bool {
            let (log, node) = try start(settings)
            kept.append(node)
            return log.contains(Self.remembered)
        }
        try install("good_echo")
        #expect(try !isRemembered())
        #expect(try isRemembered())
        #expect(try verdicts().count == 1)
        // Another file.
        try install("good_echo", ["-DDESCRIPTOR=.version = \"2.0.0\""])
        #expect(try !isRemembered())
        #expect(try isRemembered())
        // A verdict of somebody who has no key.
        let known = try #require(try verdicts().first)
        for file in try verdicts() { unlink("\(trials)/\(file)") }
        try Data("passed".utf8).write(to: URL(fileURLWithPath: "\(trials)/\(String(known.reversed()))"))
        #expect(try !isRemembered())
        // Another key.
        try Data(repeating: 7, count: 32).write(to: URL(fileURLWithPath: "\(trials)/key"))
        chmod("\(trials)/key", 0o600)
        #expect(try !isRemembered())
        #expect(try isRemembered())
        // What is there is no verdict, or not the node's own.
        for spoil in [
            { truncate($0, 2) }, { chmod($0, 0o666) },
            { file in
                unlink(file)
                return mkfifo(file, 0o600)
            },
            { file in
                unlink(file)
                return symlink("/etc/hostname", file)
            },
        ] as [(String) -> Int32] {
            for file in try verdicts() { _ = spoil("\(trials)/\(file)") }
            #expect(try !isRemembered())
            #expect(try isRemembered())
        }
    }

    /// Nothing is remembered of a plugin that fails, and a plugin that passed does not vouch for a bad one.
    @Test func aBadOneIsRefusedEachTime() throws {
        var kept: [RunningNode] = []
        defer {
            kept.removeAll()
            try? FileManager.default.removeItem(atPath: folder)
        }
        try install("good_echo")
        kept.append(try start().node)
        try install("exit_in_start")
        for _ in 0..<2 {
            let (log, node) = try start()
            kept.append(node)
            #expect(log.contains("failed its trial"), "\(log)")
            #expect(try verdicts().count == 1)
        }
    }

    /// The copies are what is mapped: whatever happens to the state folder's path meanwhile, and to the file.
    @Test func copiesAreTheNodesOwn() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try install("good_echo", ["-DDESCRIPTOR=.flags = DN_PLUGIN_RELOADABLE"])
        let state = folder + "/node/state"
        try FileManager.default.createDirectory(atPath: state + "/plugins", withIntermediateDirectories: true)
        chmod(state, 0o700)
        chmod(state + "/plugins", 0o700)
        // What lies under the very name that the copy will have.
        let digest = try Process.output("sha256sum", ["\(folder)/echo.so"]).prefix(64)
        symlink("/etc/hostname", "\(state)/plugins/\(digest).so")
        let node = try RunningNode(
            config: """
                [plugins.echo]
                path = "\(folder)/echo.so"
                [functions.Echo]
                plugin = "echo"
                protocol = "echo"
                """, state: folder + "/node")
        #expect(node.request("POST", "/v1/invoke/Echo", [65]).status == 200, "\(node.log)")
        // A planted file under the name of the next copy is not believed, and a moved folder is still the node's.
        try install("good_echo", ["-DDESCRIPTOR=.version = \"2.0.0\", .flags = DN_PLUGIN_RELOADABLE"])
        let next = try Process.output("sha256sum", ["\(folder)/echo.so"]).prefix(64)
        try Data("no plugin".utf8).write(to: URL(fileURLWithPath: "\(state)/plugins/\(next).so"))
        #expect(rename(state + "/plugins", state + "/moved") == 0)
        symlink("/tmp", state + "/plugins")
        let reply = node.request("POST", "/v1/plugins/echo/reload")
        #expect(reply.status == 200 && reply.text.contains("2.0.0"), "\(reply.text)")
        #expect(node.request("POST", "/v1/invoke/Echo", [65]).status == 200)
        #expect(node.stop() == 0)
    }
}

extension Process {
    /// What a command prints.
    fileprivate static func output(_ command: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
