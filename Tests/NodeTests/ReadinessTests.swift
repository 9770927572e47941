import Foundation
import Testing

/// A node that cannot run the functions of a class says so where balancers and monitors look.
@Suite struct ReadinessTests {
    private static func ready(_ name: String, _ value: Int) -> String {
        "dandelion_class_ready{class=\"\(name)\"} \(value)"
    }

    /// Ready but for a class without a backend, unless the config calls it optional.
    @Test(arguments: [false, true]) func aClassWithoutABackend(isOptional: Bool) throws {
        let node = try RunningNode(
            config: """
                [plugins.process]
                path = "libDandelionProcess.so"
                [plugins.missing]
                path = "/nowhere/libmissing.so"
                [classes.works]
                backends = ["process"]
                [classes.empty]
                backends = ["missing"]
                optional = \(isOptional)
                """)
        let reply = node.request("GET", "/readyz")
        #expect(reply.status == (isOptional ? 200 : 503), "\(reply.text)")
        if !isOptional {
            #expect(reply.text.contains("class 'empty' has no available backend: missing"), "\(reply.text)")
            #expect(reply.text.contains("No such file"), "\(reply.text)")
            #expect(!reply.text.contains("works"), "\(reply.text)")
        }
        #expect(node.request("GET", "/healthz").status == 200)
        let metrics = node.request("GET", "/metrics").text
        #expect(metrics.contains(Self.ready("works", 1)) && metrics.contains(Self.ready("empty", 0)))
        #expect(node.stop() == 0)
    }

    /// A backend that was fine at the start and cannot make engines any more, and then can again.
    @Test func aBackendThatLosesItsRights() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-ready-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let products = URL(fileURLWithPath: RunningNode.executable).deletingLastPathComponent().path
        let root = RunningNode.root.path
        try """
        #include "wrapped.h"
        static dn_status create(
            dn_instance *instance, const dn_engine_params *params, dn_engine **out, dn_error *err) {
            if (access("\(folder)/refused", F_OK) != 0) return base.engine_create(instance, params, out, err);
            strcpy(err->message, "seccomp(2) is refused");
            return DN_UNAVAILABLE;
        }
        static void replace(void) { changed.engine_create = create; }
        """.write(toFile: folder + "/moody.c", atomically: true, encoding: .utf8)
        let clang = try Process.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            arguments: [
                "clang", "-shared", "-fPIC", "-w", "-I\(root)/Sources/PluginABI/include",
                "-I\(root)/Tests/Fixtures/Bad",
                "-DBASE=\"\(products)/libDandelionProcess.so\"", "\(folder)/moody.c", "-o", "\(folder)/moody.so",
            ])
        clang.waitUntilExit()
        try #require(clang.terminationStatus == 0)
        let node = try RunningNode(
            config: """
                [plugins.process]
                path = "libDandelionProcess.so"
                [plugins.moody]
                path = "\(folder)/moody.so"
                [classes.works]
                backends = ["process"]
                [classes.moody]
                backends = ["moody"]
                """)
        // Engines of both are made at the start, and again for a generation that takes over.
        #expect(node.request("GET", "/readyz").status == 200, "\(node.log)")
        #expect(try node.register("hello", as: "works", class: "works").status == 201)
        #expect(try node.register("hello", as: "moody", class: "moody").status == 201)
        #expect(node.request("POST", "/v1/invoke/moody", [1]).status == 200)
        // A longer file is another one, which a reload takes for a change.
        let file = try Data(contentsOf: URL(fileURLWithPath: folder + "/moody.so"))
        try (file + Data([0])).write(to: URL(fileURLWithPath: folder + "/moody.so"), options: .atomic)
        #expect(node.request("POST", "/v1/plugins/moody/reload").status == 200)
        #expect(FileManager.default.createFile(atPath: folder + "/refused", contents: nil))
        let refused = node.request("POST", "/v1/invoke/moody", [1])
        #expect(refused.status == 503 && refused.text.contains("seccomp(2) is refused"), "\(refused.text)")
        let reply = node.request("GET", "/readyz")
        #expect(reply.status == 503, "\(reply.text)")
        #expect(reply.text.contains("class 'moody' cannot run on moody"), "\(reply.text)")
        #expect(reply.text.contains("seccomp(2) is refused"), "\(reply.text)")
        #expect(node.request("GET", "/metrics").text.contains(Self.ready("moody", 0)))
        #expect(node.request("POST", "/v1/invoke/works", [1]).status == 200)
        try FileManager.default.removeItem(atPath: folder + "/refused")
        #expect(node.request("POST", "/v1/invoke/moody", [1]).status == 200)
        #expect(node.request("GET", "/readyz").status == 200)
        #expect(node.request("GET", "/metrics").text.contains(Self.ready("moody", 1)))
        #expect(node.stop() == 0)
    }
}
