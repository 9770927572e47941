import Foundation
import PluginHarness
import Testing

/// `dandelion apply`, `export` and `dev` against a node.
@Suite(.serialized) struct ProjectTests {
    private struct Ran {
        let status: Int32
        let output: String
        let errors: String
    }

    private let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-project-\(UUID())").path

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    private func run(_ arguments: [String], _ node: RunningNode) throws -> Ran {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: RunningNode.executable)
        process.arguments = arguments + ["--node", "http://127.0.0.1:\(node.port)"]
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let told = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Ran(status: process.terminationStatus, output: said, errors: told)
    }

    private static let project = """
        secrets = ["key"]
        [functions.hello]
        image = "hello.image"
        class = "process"
        inputs = ["in"]
        outputs = ["out"]
        memory = "1MiB"
        [functions.bound]
        image = "hello.image"
        inputs = ["in", "page"]
        outputs = ["out"]
        bind = { page = ["page.html"] }
        [compositions.Outer]
        text = "outer.dandelion"
        [compositions.Inner]
        text = "inner.dandelion"
        [aliases]
        "hello@prod" = "newest"
        "Inner@prod" = 1
        [schedules.tidy]
        invoke = "hello"
        every = "10m"

        """

    private func writeProject() throws {
        try write("dandelion.project.toml", Array(Self.project.utf8))
        try write("hello.image", try GuestCompiler.image("hello"))
        try write("page.html", Array("one".utf8))
        // The text of the first calls the second, which is registered after it.
        try write(
            "outer.dandelion", Array("function Inner() => (y); composition Outer() => (z) { Inner() => (z = y); }".utf8)
        )
        try write(
            "inner.dandelion",
            Array("function hello@prod(in) => (out); composition Inner() => (y) { hello@prod() => (y = out); }".utf8))
    }

    @Test func aNodeBecomesWhatTheFolderSays() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try writeProject()
        let node = try RunningNode()
        let dry = try run(["apply", folder, "--dry-run"], node)
        #expect(dry.status == 0 && dry.output.contains("7 would be made"), "\(dry)")
        #expect(node.request("GET", "/v1/functions/hello").status == 404)
        let first = try run(["apply", folder], node)
        #expect(first.status == 0 && first.output.contains("7 were made, 0 changed, 0 removed"), "\(first)")
        #expect(first.output.contains("secret 'key'"))
        for name in ["hello", "hello@prod", "Outer", "Inner@prod"] {
            #expect(node.request("POST", "/v1/invoke/\(name)", []).text.contains("hello, world"), "\(name)")
        }
        let again = try run(["apply", folder, "--prune"], node)
        #expect(again.status == 0 && again.output.hasSuffix("nothing to change\n"), "\(again)")
        // Each kind of change is seen, told and made.
        try write("page.html", Array("two".utf8))
        try write(
            "dandelion.project.toml",
            Array(Self.project.replacing("1MiB", with: "2MiB").replacing("10m", with: "20m").utf8))
        let change = try run(["apply", folder, "--dry-run"], node)
        for word in ["memory 1MiB -> 2MiB", "every 10m -> 20m", "~ alias  hello@prod  1 -> 2", "bind "] {
            #expect(change.output.contains(word), "\(word): \(change.output)")
        }
        #expect(change.output.contains("0 would be made, 4 changed, 0 removed"), "\(change.output)")
        let changed = try run(["apply", folder], node)
        #expect(changed.output.contains("0 were made, 4 changed"), "\(changed)")
        #expect(node.request("GET", "/v1/aliases/hello@prod").text.contains("{\"version\":2,"))
        // What the project does not name stays unless it is to go.
        #expect(try node.register("hello", as: "other", class: "process").status == 201)
        #expect(try run(["apply", folder], node).output.hasSuffix("nothing to change\n"))
        let pruned = try run(["apply", folder, "--prune"], node)
        #expect(pruned.output.contains("- function  other") && pruned.output.contains("1 removed"), "\(pruned)")
        #expect(node.request("GET", "/v1/functions/other").status == 404)
        #expect(node.stop() == 0)
    }

    /// What was exported makes another node the same.
    @Test func exportIsTheWayBack() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try writeProject()
        let node = try RunningNode()
        #expect(try run(["apply", folder], node).status == 0)
        let copy = "\(folder)/copy"
        let exported = try run(["export", copy], node)
        #expect(exported.status == 0 && exported.errors.contains("'bound' is left out"), "\(exported)")
        // Nothing is written over.
        #expect(try run(["export", copy], node).status == 73)
        #expect(node.request("DELETE", "/v1/functions/bound").status == 204)
        let same = try run(["apply", copy, "--dry-run", "--prune"], node)
        #expect(same.status == 0 && same.output.hasSuffix("nothing to change\n"), "\(same)")
        let other = try RunningNode()
        #expect(try run(["apply", copy], other).status == 0)
        #expect(other.request("POST", "/v1/invoke/Outer", []).text.contains("hello, world"))
        #expect(node.stop() == 0 && other.stop() == 0)
    }

    @Test func mistakesHaveTheirPlace() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode()
        let text = """
            [functions.f]
            imag = "x"
            inputs = ["a", 3]
            bind = { b = ["page"] }
            [schedules.s]
            invoke = "f"
            [aliases]
            f = 1

            """
        try write("dandelion.project.toml", Array(text.utf8))
        let ran = try run(["apply", folder], node)
        #expect(ran.status == 78)
        for place in [":2:1: unknown key 'imag'", ":3:16: ", ":4:10: 'b' is not one", ":5:12: ", ":8:1: an alias"] {
            #expect(ran.errors.contains("toml\(place)"), "\(place) in \(ran.errors)")
        }
        #expect(try run(["apply", folder + "/none"], node).status == 78)
        try write("dandelion.project.toml", Array("[functions.f]\nimage = \"none\"\n".utf8))
        #expect(try run(["apply", folder], node).status == 66)
        try write("none", Array("nonsense".utf8))
        let refused = try run(["apply", folder], node)
        #expect(refused.status == 1 && refused.errors.hasPrefix("function f: dandelion: "), "\(refused)")
        #expect(node.stop() == 0)
    }

    /// Builds, applies, and does both again when a file changes; a build that fails ends nothing.
    @Test func devFollowsTheFolder() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode()
        try write("source", try GuestCompiler.image("hello"))
        let text = """
            [functions.f]
            image = "made.image"
            build = "test ! -e broken && cp source made.image"
            class = "process"
            inputs = ["in"]
            outputs = ["out"]

            """
        try write("dandelion.project.toml", Array(text.utf8))
        #expect(try run(["dev", folder, "--once"], node).status == 0)
        #expect(node.request("POST", "/v1/invoke/f", []).text.contains("hello, world"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: RunningNode.executable)
        process.arguments = ["dev", folder, "--node", "http://127.0.0.1:\(node.port)"]
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        defer {
            // Tests run with most signals blocked, and so does what they start.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        func version(_ wanted: String) -> Bool {
            let end = Date(timeIntervalSinceNow: 15)
            while Date() < end {
                if node.request("GET", "/v1/functions/f").text.contains("\"version\":\(wanted),") { return true }
                usleep(50_000)
            }
            return false
        }
        usleep(600_000)
        try write("broken", [])
        usleep(600_000)
        #expect(process.isRunning)
        try FileManager.default.removeItem(atPath: "\(folder)/broken")
        try write("source", try GuestCompiler.image("hello") + [0])
        #expect(version("2"))
        #expect(node.stop() == 0)
    }
}
