import Foundation
import Testing

/// A plugin that crashes or hangs when it is loaded costs the node nothing but itself.
@Suite(.serialized) struct InspectionTests {
    @Test(arguments: [
        ("crash_in_entry", "was refused when it was inspected: crashed: signal 11"),
        ("crash_in_probe", "Segmentation fault in probe"), ("hang_in_probe", "did not end within"),
        ("exit_in_constructor", "ended the process with status 0 in the load of its file"),
        ("exit_in_start", "failed its trial: crashed: ended the process with status 0 in start"),
        ("exit_in_submit", "ended the process with status 0 in submit"),
        ("thread_in_constructor", "its load left 1 threads"), ("huge_output", "more than the 1048576 bytes"),
        ("closes_others_in_submit", "which was open before"),
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
        // What asks the node to stop reaches it, whatever the plugin's threads are.
        #expect(node.stop() == 0)
    }

    /// A plugin that ends the process later than its trial lasts does not make that a success.
    @Test func exitByAPluginIsNoSuccess() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Only the word "leave" ends it, which no trial sends.
        try Self.compile(
            "good_echo", to: folder + "/bad.so",
            [
                "-DSUBMIT=if (request->inputs[0].len == 5 && memcmp(request->inputs[0].data, \"leave\", 5) == 0) exit(0)"
            ])
        let node = try RunningNode(
            config: """
                [plugins.bad]
                path = "\(folder)/bad.so"
                [functions.Bad]
                plugin = "bad"
                protocol = "echo"
                """)
        #expect(node.request("POST", "/v1/invoke/Bad", [65]).status == 200, "\(node.log)")
        _ = node.request("POST", "/v1/invoke/Bad", Array("leave".utf8))
        #expect(node.stop() == 70)
    }

    /// Every faulty protocol of the gallery in one config.
    @Test func theNodeServesBesideTheWholeGallery() throws {
        // With what the operator is told of each.
        let broken = [
            "bad_magic": "magic", "crash_in_entry": "crashed", "crash_in_probe": "crashed",
            "hang_in_probe": "did not end", "major_2": "ABI major 2", "no_entry": "exports no",
            "null_descriptor": "newer host", "short_struct": "lacks", "no_interface": "interface-stable",
            "never_completes": "never completed", "bad_version": "semver", "completes_twice": "no open request",
            "leaks_fd_in_probe": "left open", "leaks_fd_in_reactor": "left open", "leaks_fd_in_start": "left open",
            "moody_probe": "then degraded", "moody_validate": "in two ways", "no_reactor_fd": "descriptor -1",
            "oversize_answer": "(check comm-oversize", "racy_cancel": "never completed", "umask_in_start": "the umask",
            "handler_in_start": "the handler of signal", "no_outputs": "0 outputs", "long_output": "failed its trial",
            "writes_input": "wrote to byte 0 of a request's input", "closed_descriptor": "is closed",
        ]
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var config = """
            [plugins.process]
            path = "libDandelionProcess.so"
            [classes.process]
            backends = ["process"]

            """
        for name in broken.keys.sorted() {
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
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(node.stop() == 0)
    }

    private static func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-trial-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func compile(_ fixture: String, to file: String, _ flags: [String] = []) throws {
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            [
                "clang", "-shared", "-fPIC", "-w", "-I", RunningNode.root.path + "/Sources/PluginABI/include",
                RunningNode.root.path + "/Tests/Fixtures/Bad/\(fixture).c", "-o", file,
            ] + flags
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }
}
