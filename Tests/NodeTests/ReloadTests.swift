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
    private func install(_ fixture: String, _ flags: [String] = [], libraries: [String] = []) throws {
        let file = folder + "/echo.so"
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            [
                "clang", "-shared", "-fPIC", "-w", "-I",
                RunningNode.root.appending(path: "Sources/PluginABI/include").path,
                "-o", file + ".new",
            ] + flags + ["\(Self.fixtures)/\(fixture).c"] + libraries
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        try #require(rename(file + ".new", file) == 0)
    }

    private static let reloadable = "-DDESCRIPTOR=.flags = DN_PLUGIN_RELOADABLE"
    private static let second = "-DDESCRIPTOR=.version = \"2.0.0\", .flags = DN_PLUGIN_RELOADABLE"

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
        try install("good_echo", [Self.second])
        let refused = node.request("POST", "/v1/plugins/echo/reload")
        #expect(refused.status == 409, "\(refused.text)")
        #expect(refused.text.contains("RELOADABLE"))
        #expect(echoes("still"))
        #expect(node.request("POST", "/v1/plugins/nothing/reload").status == 404)
        #expect(node.stop() == 0)

        try install("good_echo", [Self.reloadable])
        let second = try echoNode()
        try install("good_echo", [Self.second])
        let taken = second.request("POST", "/v1/plugins/echo/reload")
        #expect(taken.status == 200, "\(taken.text)")
        #expect(taken.text.contains("\"version\":\"2.0.0\""), "\(taken.text)")
        #expect(taken.text.contains("\"generation\":2"))
        for bad in ["crash_in_probe", "hang_in_probe", "no_entry", "never_completes"] {
            try install(bad, bad == "never_completes" ? [Self.reloadable] : [])
            let reply = second.request("POST", "/v1/plugins/echo/reload")
            #expect(reply.status == 409, "\(bad): \(reply.status) \(reply.text)")
            #expect(second.request("POST", "/v1/invoke/Echo", [65]).status == 200, "\(bad)")
            let list = second.request("GET", "/v1/plugins")
            #expect(list.text.contains("\"quarantined\":\"plugin"), "\(bad): \(list.text)")
        }
        #expect(second.stop() == 0)
    }

    @Test func aHangupReloadsWhatHasChanged() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try install("good_echo", [Self.reloadable])
        let node = try echoNode()
        node.signal(SIGHUP)
        usleep(300_000)
        #expect(node.request("GET", "/v1/plugins").text.contains("\"generation\":1"))
        try install("good_echo", [Self.second])
        node.signal(SIGHUP)
        func runs(_ generation: Int) -> Bool {
            node.request("GET", "/v1/plugins").text.contains("\"generation\":\(generation)")
        }
        for _ in 0..<100 where !runs(2) { usleep(50_000) }
        #expect(runs(2))
        #expect(node.request("GET", "/v1/plugins").text.contains("\"version\":\"2.0.0\""))
        #expect(node.request("POST", "/v1/invoke/Echo", [65]).status == 200)
        #expect(node.stop() == 0)
    }

    /// A file that hangs is inspected for 5 s; a node that is asked to stop does not wait for that.
    @Test func aStopDoesNotWaitForAReload() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try install("good_echo", [Self.reloadable])
        let node = try echoNode()
        try install("hang_in_probe")
        let done = DispatchSemaphore(value: 0)
        let status = Mutex(0)
        Thread.detachNewThread {
            let reply = node.request("POST", "/v1/plugins/echo/reload")
            status.withLock { $0 = reply.status }
            done.signal()
        }
        usleep(500_000)
        let begin = ContinuousClock.now
        #expect(node.stop() == 0)
        #expect(ContinuousClock.now - begin < .seconds(3))
        done.wait()
        #expect(status.withLock { $0 } == 409)
    }

    /// The node maps a copy from another folder; the library beside the original is found all the same.
    @Test func librariesBesideAPluginAreFound() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let library = folder + "/lib"
        try FileManager.default.createDirectory(atPath: library, withIntermediateDirectories: true)
        try "int beside(void) { return 7; }\n".write(toFile: "\(folder)/beside.c", atomically: true, encoding: .utf8)
        func compile(_ flags: [String]) throws {
            let name = "\(library)/libbeside.so"
            let clang = try Process.run(
                URL(fileURLWithPath: "/usr/bin/env"),
                arguments: ["clang", "-shared", "-fPIC", "\(folder)/beside.c", "-o", name] + flags)
            clang.waitUntilExit()
            try #require(clang.terminationStatus == 0)
        }
        try compile(["-Wl,-soname,libbeside.so"])
        let use = [
            "-DSTART=int beside(void); if (beside() != 7) return DN_FAILED", "-L\(library)",
            "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib", Self.reloadable,
        ]
        // The library behind the source, or the linker leaves it out.
        try install("good_echo", use, libraries: ["-lbeside"])
        let node = try echoNode()
        #expect(node.request("POST", "/v1/invoke/Echo", [65]).status == 200, "\(node.log)")
        #expect(node.stop() == 0)
        // Without its own name it cannot be told that it is the one that is needed.
        try compile(["-Wl,-soname,libother.so"])
        #expect(try echoNode().log.contains("the one beside it says that its name is libother.so"))
        try FileManager.default.removeItem(atPath: "\(library)/libbeside.so")
        let log = try echoNode().log
        #expect(log.contains("libbeside.so: cannot open shared object file"), "\(log)")
        #expect(log.contains("by its $ORIGIN it was looked for in \(folder)/lib"), "\(log)")
    }

    @Test func noRequestIsLostWhileNativeBackendsAreReplaced() throws {
        let node = try treeNode(["process": "Process", "kvm": "KVM"])
        #expect(try node.register("hello", as: "process", class: "process").status == 201)
        let hasKVM = try node.register("hello", as: "kvm", class: "kvm").status == 201
        let names = hasKVM ? ["process", "kvm"] : ["process"]
        let calls = names.map { Call(function: $0, body: [1], expected: "hello, world") }
        try replace(names, 6, node, calls: calls, atLeast: 20)
    }

    @Test func noRequestIsLostWhileHTTPIsReplaced() throws {
        let node = try treeNode(["http": "HTTPComm"], "[plugins.http.config]\nallow_loopback = true")
        // It asks the node itself.
        let body = Array("GET http://127.0.0.1:\(node.port)/metrics HTTP/1.1\n\n".utf8)
        try replace(
            ["http"], 4, node, calls: [Call(function: "HTTP", body: body, expected: "dandelion_")], atLeast: 10)
    }

    @Test func noRequestIsLostWhileRWasmIsReplaced() throws {
        let node = try treeNode(["rwasm": "RWasm"])
        let module = folder + "/reverse.wasm"
        let root = RunningNode.root.path
        let clang = try Process.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            arguments: [
                "clang", "--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-w",
                "-I\(root)/Sources/PluginABI/include",
                "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export-all",
                "\(root)/Tests/RWasmTests/guests/reverse.c", "-o", module,
            ])
        clang.waitUntilExit()
        try #require(clang.terminationStatus == 0)
        let image = [UInt8](FileManager.default.contents(atPath: module) ?? Data())
        let registered = node.request(
            "PUT", "/v1/functions/reverse?class=rwasm&inputs=in&outputs=out&memory=1MiB&timeout=60s", image)
        guard registered.status == 201 else {
            let plugins = node.request("GET", "/v1/plugins").text
            #expect(plugins.contains("\"availability\":\"unavailable\""), "\(registered.text) \(plugins)")
            return print("no reload of RWasm: \(registered.text)")
        }
        try replace(
            ["rwasm"], 2, node, calls: [Call(function: "reverse", body: Array("abc".utf8), expected: "cba")],
            atLeast: 10)
    }

    private static let products = URL(fileURLWithPath: RunningNode.executable).deletingLastPathComponent().path

    /// A node with copies of plugins of the tree, each with a class or function of its name.
    private func treeNode(_ plugins: [String: String], _ more: String = "") throws -> RunningNode {
        var config = ""
        for (name, product) in plugins {
            try FileManager.default.copyItem(
                atPath: "\(Self.products)/libDandelion\(product).so", toPath: "\(folder)/\(name).so")
            config += "[plugins.\(name)]\npath = \"\(folder)/\(name).so\"\n\(more)\n"
            config +=
                name == "http"
                ? "[functions.HTTP]\nplugin = \"http\"\nprotocol = \"http\"\n"
                : "[classes.\(name)]\nbackends = [\"\(name)\"]\n"
        }
        return try RunningNode(config: config)
    }

    /// Replaces each plugin by another file of itself `rounds` times while the calls are made.
    private func replace(
        _ names: [String], _ rounds: Int, _ node: RunningNode, calls: [Call], atLeast: Int
    ) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clients = Clients(node, calls)
        let originals = Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, FileManager.default.contents(atPath: "\(folder)/\($0).so") ?? Data())
            })
        for round in 0..<rounds {
            for (name, file) in originals {
                // Other bytes behind the sections make another file of the same plugin.
                try (file + Data("round \(round)".utf8)).write(
                    to: URL(fileURLWithPath: "\(folder)/\(name).so"), options: .atomic)
                let reply = node.request("POST", "/v1/plugins/\(name)/reload")
                #expect(reply.status == 200, "\(reply.text)")
            }
        }
        let (answered, lost) = clients.end(atLeast: atLeast)
        #expect(lost == [])
        #expect(answered >= atLeast)
        func isDraining() -> Bool {
            node.request("GET", "/v1/plugins").text.contains(/"draining":[1-9]/)
        }
        for _ in 0..<100 where isDraining() { usleep(50_000) }
        let text = node.request("GET", "/v1/plugins").text
        #expect(!text.contains(/"draining":[1-9]/), "\(text)")
        #expect(text.contains("\"generation\":\(rounds + 1)"), "\(text)")
        #expect(node.stop() == 0)
    }
}

/// A call that is made again and again, and what its answer holds.
private struct Call {
    let function: String
    let body: [UInt8]
    let expected: String
}

/// One thread for each call, which makes it until the end.
private final class Clients: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let running: Atomic<Int>
    private let answered = Mutex(0)
    private let lost = Mutex<[String]>([])

    init(_ node: RunningNode, _ calls: [Call]) {
        running = Atomic(calls.count)
        for call in calls {
            Thread.detachNewThread { [self] in
                while !isOver.load(ordering: .relaxed) {
                    let reply = node.request("POST", "/v1/invoke/\(call.function)", call.body)
                    if reply.status == 200, reply.text.contains(call.expected) {
                        answered.withLock { $0 += 1 }
                    } else {
                        lost.withLock { $0.append("\(call.function): \(reply.status) \(reply.text)") }
                    }
                }
                running.subtract(1, ordering: .releasing)
            }
        }
    }

    /// How many requests were answered rightly, and what became of the others; waits for a number of either, at most 10 s.
    func end(atLeast: Int) -> (answered: Int, lost: [String]) {
        for _ in 0..<1000 where answered.withLock({ $0 }) < atLeast && lost.withLock({ $0.isEmpty }) { usleep(10_000) }
        isOver.store(true, ordering: .relaxed)
        while running.load(ordering: .acquiring) > 0 { usleep(1000) }
        return (answered.withLock { $0 }, lost.withLock { $0 })
    }
}
