import Foundation
import Testing

/// A plugin that crashes or hangs when it is loaded costs the node nothing but itself.
@Suite(.serialized) struct InspectionTests {
    @Test(arguments: [
        ("crash_in_entry", "crashed when it was inspected"), ("crash_in_probe", "crashed when it was inspected"),
        ("hang_in_probe", "did not answer within 5 s"),
    ])
    func theNodeServesBesideIt(name: String, reason: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-trial-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "clang", "-shared", "-fPIC", "-w", "-I", RunningNode.root.path + "/Sources/PluginABI/include",
            RunningNode.root.path + "/Tests/Fixtures/Bad/\(name).c", "-o", folder + "/bad.so",
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
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
}
