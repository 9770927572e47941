import Foundation
import Synchronization
import Testing

/// Plugins are replaced while the node works.
@Suite(.serialized) struct ReloadTests {
    private static let fixtures = RunningNode.root.appending(path: "Tests/Fixtures/Bad").path
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-reload-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Compiles a faulty or right plugin of Tests/Fixtures into `folder`, replacing the file as an installer does.
    private func install(_ fixture: String, _ flags: [String] = []) throws {
        let file = folder + "/echo.so"
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            [
                "clang", "-shared", "-fPIC", "-w", "-I",
                RunningNode.root.appending(path: "Sources/PluginABI/include").path,
                "-o", file + ".new",
            ] + flags + ["\(Self.fixtures)/\(fixture).c"]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        try #require(rename(file + ".new", file) == 0)
    }

    private func echoNode() throws -> RunningNode {
        try RunningNode(
            config: """
                [plugins.echo]
                path = "\(folder)/echo.so"
                [functions.Echo]
                plugin = "echo"
                protocol = "echo"
                """)
    }

    @Test func aNewFileTakesOverAndABadOneChangesNothing() throws {
        try install("good_echo")
        let node = try echoNode()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func echoes(_ text: String) -> Bool {
            let reply = node.request("POST", "/v1/invoke/Echo", Array(text.utf8))
            return reply.status == 200 && reply.text.contains(text)
        }
        #expect(echoes("first"))
        try install("good_echo", ["-DDESCRIPTOR=.version = \"2.0.0\", .flags = DN_PLUGIN_RELOADABLE"])
        let refused = node.request("POST", "/v1/plugins/echo/reload")
        #expect(refused.status == 409, "\(refused.text)")
        #expect(refused.text.contains("RELOADABLE"))
        #expect(echoes("still"))
        #expect(node.request("POST", "/v1/plugins/nothing/reload").status == 404)
        #expect(node.stop() == 0)

        try install("good_echo", ["-DDESCRIPTOR=.flags = DN_PLUGIN_RELOADABLE"])
        let second = try echoNode()
        try install("good_echo", ["-DDESCRIPTOR=.version = \"2.0.0\", .flags = DN_PLUGIN_RELOADABLE"])
        let taken = second.request("POST", "/v1/plugins/echo/reload")
        #expect(taken.status == 200, "\(taken.text)")
        #expect(taken.text.contains("\"version\":\"2.0.0\""), "\(taken.text)")
        #expect(taken.text.contains("\"generation\":2"))
        for bad in ["crash_in_probe", "hang_in_probe", "no_entry", "never_completes"] {
            try install(bad, bad == "never_completes" ? ["-DDESCRIPTOR=.flags = DN_PLUGIN_RELOADABLE"] : [])
            let reply = second.request("POST", "/v1/plugins/echo/reload")
            #expect(reply.status == 409, "\(bad): \(reply.status) \(reply.text)")
            #expect(second.request("POST", "/v1/invoke/Echo", [65]).status == 200, "\(bad)")
            let list = second.request("GET", "/v1/plugins")
            #expect(list.text.contains("\"quarantined\":\"plugin"), "\(bad): \(list.text)")
        }
        #expect(second.stop() == 0)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: RunningNode.executable), "no node is built"))
    func noRequestIsLostWhileTheTreesPluginsAreReplaced() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let products = URL(fileURLWithPath: RunningNode.executable).deletingLastPathComponent().path
        for product in ["Process", "KVM"] {
            try FileManager.default.copyItem(
                atPath: "\(products)/libDandelion\(product).so", toPath: "\(folder)/\(product).so")
        }
        let node = try RunningNode(
            config: """
                [plugins.process]
                path = "\(folder)/Process.so"
                [plugins.kvm]
                path = "\(folder)/KVM.so"
                [classes.process]
                backends = ["process"]
                [classes.kvm]
                backends = ["kvm"]
                """)
        #expect(try node.register("hello", as: "process", class: "process").status == 201)
        let hasKVM = try node.register("hello", as: "kvm", class: "kvm").status == 201
        let names = hasKVM ? ["process", "kvm"] : ["process"]
        let clients = Clients(node, names)
        for round in 0..<6 {
            for (name, product) in zip(["process", "kvm"], ["Process", "KVM"]) where names.contains(name) {
                // Other bytes behind the sections make another file of the same plugin.
                let file = FileManager.default.contents(atPath: "\(products)/libDandelion\(product).so") ?? Data()
                try (file + Data("round \(round)".utf8)).write(
                    to: URL(fileURLWithPath: "\(folder)/\(product).so"), options: .atomic)
                let reply = node.request("POST", "/v1/plugins/\(name)/reload")
                #expect(reply.status == 200, "\(reply.text)")
            }
        }
        let (answered, lost) = clients.end()
        #expect(lost == [])
        #expect(answered > 20)
        for _ in 0..<100 where !node.request("GET", "/v1/plugins").text.contains("\"draining\":0") { usleep(50_000) }
        let text = node.request("GET", "/v1/plugins").text
        #expect(!text.contains("\"draining\":1") && !text.contains("\"draining\":2"), "\(text)")
        #expect(text.contains("\"generation\":7"), "\(text)")
        #expect(node.stop() == 0)
    }
}

/// One thread for each function, which calls it until the end.
private final class Clients: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let running: Atomic<Int>
    private let answered = Mutex(0)
    private let lost = Mutex<[String]>([])

    init(_ node: RunningNode, _ names: [String]) {
        running = Atomic(names.count)
        for name in names {
            Thread.detachNewThread { [self] in
                while !isOver.load(ordering: .relaxed) {
                    let reply = node.request("POST", "/v1/invoke/\(name)", [1])
                    if reply.status == 200, reply.text == "hello, world" {
                        answered.withLock { $0 += 1 }
                    } else {
                        lost.withLock { $0.append("\(name): \(reply.status) \(reply.text)") }
                    }
                }
                running.subtract(1, ordering: .releasing)
            }
        }
    }

    /// How many requests were answered rightly, and what became of the others.
    func end() -> (answered: Int, lost: [String]) {
        isOver.store(true, ordering: .relaxed)
        while running.load(ordering: .acquiring) > 0 { usleep(1000) }
        return (answered.withLock { $0 }, lost.withLock { $0 })
    }
}
