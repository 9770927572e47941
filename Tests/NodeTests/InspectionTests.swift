import Foundation
import Testing

/// A plugin that crashes or hangs when it is loaded costs the node nothing but itself.
@Suite(.serialized) struct InspectionTests {
    @Test(arguments: [
        ("crash_in_entry", "crashed when it was inspected"), ("crash_in_probe", "crashed when it was inspected"),
        ("hang_in_probe", "did not answer within 5 s"),
    ])
    func theNodeServesBesideIt(name: String, reason: String) throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.compile(name, to: folder + "/bad.so")
        let config = """
            [plugins.process]
            path = "libDandelionProcess.so"
            [plugins.bad]
            path = "\(folder)/bad.so"
            [classes.process]
            backends = ["process"]
            [functions.Bad]
            plugin = "bad"
            protocol = "echo"
            """
        let node = try RunningNode(config: config)
        #expect(node.log.contains("plugin bad is unavailable"))
        #expect(node.log.contains(reason), "\(node.log)")
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(node.stop() == 0)
    }

    /// Every faulty protocol of the gallery in one config.
    @Test func theNodeServesBesideTheWholeGallery() throws {
        // What cannot be used, with what the operator is told.
        let broken = [
            "bad_magic": "magic", "crash_in_entry": "crashed", "crash_in_probe": "crashed",
            "hang_in_probe": "did not answer",
            "major_2": "ABI major 2", "no_entry": "exports no", "null_descriptor": "newer host",
            "short_struct": "lacks",
            "no_interface": "dn.comm/1", "never_completes": "never completed",
        ]
        let usable = [
            "bad_version", "completes_twice", "leaks_fd_in_probe", "leaks_fd_in_reactor", "leaks_fd_in_start",
            "moody_probe",
            "moody_validate", "no_reactor_fd", "oversize_answer", "racy_cancel", "umask_in_start", "handler_in_start",
        ]
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var config = """
            [plugins.process]
            path = "libDandelionProcess.so"
            [classes.process]
            backends = ["process"]

            """
        for name in broken.keys.sorted() + usable {
            try Self.compile(name, to: "\(folder)/\(name).so")
            config += """
                [plugins.\(name)]
                path = "\(folder)/\(name).so"
                [functions.\(name)]
                plugin = "\(name)"
                protocol = "echo"
                timeout = "500ms"

                """
        }
        let node = try RunningNode(config: config)
        for (name, reason) in broken {
            let line = node.log.split(separator: "\n").first { $0.contains("plugin \(name) is unavailable") } ?? ""
            #expect(line.contains(reason), "\(name): \(line)")
        }
        #expect(try node.register("hello", class: "process").status == 201)
        for name in usable {
            let reply = node.request("POST", "/v1/invoke/\(name)", [65])
            #expect(reply.status != 0, "\(name) gave no reply")
            #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200, "after \(name)")
        }
        #expect(node.stop() == 0)
    }

    private static func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-trial-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func compile(_ fixture: String, to file: String) throws {
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "clang", "-shared", "-fPIC", "-w", "-I", RunningNode.root.path + "/Sources/PluginABI/include",
            RunningNode.root.path + "/Tests/Fixtures/Bad/\(fixture).c", "-o", file,
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }
}
