import Failure
import Foundation
import PluginHost
import TestSupport
import Testing
import Values

/// The NATS plugin with real servers: what it keeps, and what becomes of it when servers go away.
@Suite(.serialized) struct EngineTests {
    static let second: UInt64 = 1_000_000_000

    static let plugin: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? "/proc/self/exe"
        return URL(fileURLWithPath: bundle).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("libDandelionNATS.so").path
    }()

    private func engine(_ servers: [NatsServer], _ more: String = "") throws -> FleetEngine {
        let urls = servers.map { "\"\($0.url)\"" }.joined(separator: ",")
        let settings = "{\"servers\":[\(urls)],\"lease_ms\":1000,\"ack_wait_ms\":500\(more)}"
        let configuration = PluginConfiguration(try JSONReader.read(settings))
        let library = try PluginLibrary(path: Self.plugin)
        return try FleetEngine(try library.start(label: "nats", configuration: configuration))
    }

    /// Calls `body` until the engine is there.
    private func reaching<R>(within seconds: Double = 15, _ body: () throws -> R) throws -> R {
        let end = Date().addingTimeInterval(seconds)
        while true {
            do {
                return try body()
            } catch let failure as Failure where failure.kind == .unavailable || failure.kind == .deadline {
                if Date() > end { throw failure }
                usleep(20_000)
            }
        }
    }

    @Test func aServerThatComesBackHasWhatWasKept() throws {
        guard let server = try NatsServer.alone() else { return }
        let engine = try engine([server])
        let revision = try reaching {
            try engine.put(.lasting, "name.a", [1], expected: .absent, timeout: 2 * Self.second)
        }
        let watch = try engine.watch(.lasting, below: "name", timeout: 2 * Self.second)
        let put = try #require(try engine.get(.lasting, "name.a", timeout: Self.second))
        #expect(try watch.next(timeout: 2 * Self.second) == .put("name.a", put))
        #expect(try watch.next(timeout: 2 * Self.second) == .current)
        let queue = try engine.queue("work", timeout: 2 * Self.second)
        try queue.publish(id: "1", [7], timeout: 2 * Self.second)
        _ = try #require(try queue.pull(timeout: 2 * Self.second))
        server.kill()
        // Nothing waits for a server that is away, and a watch says that it is over.
        let began = Date()
        #expect(throws: Failure.self) { try engine.get(.lasting, "name.a", timeout: Self.second / 5) }
        var isOver = false
        while !isOver, Date() < began.addingTimeInterval(5) {
            do { _ = try watch.next(timeout: Self.second / 5) } catch { isOver = error.kind == .unavailable }
        }
        #expect(isOver)
        try server.start()
        try reaching { _ = try engine.get(.lasting, "name.a", timeout: Self.second) }
        let kept = try #require(try engine.get(.lasting, "name.a", timeout: Self.second))
        #expect(kept.bytes == [1] && kept.revision == revision)
        // Who had the message is gone for the queue when it does not settle in time.
        let again = try reaching { try #require(try queue.pull(timeout: 5 * Self.second)) }
        // A server that is killed may have forgotten how often it gave it.
        #expect(again.bytes == [7] && again.number > 0)
        try queue.settle(again.token, .done, timeout: 2 * Self.second)
        let anew = try reaching { try engine.watch(.lasting, below: "name", timeout: Self.second) }
        #expect(try anew.next(timeout: 2 * Self.second) == .put("name.a", kept))
    }

    @Test func oneOfThreeServersMayBeLost() throws {
        guard let servers = try NatsServer.several(3) else { return }
        let engines = try servers.map { try engine([$0] + servers, ",\"replicas\":3") }
        let revision = try reaching(within: 30) {
            try engines[0].put(.lasting, "n.x", [1], expected: .whatever, timeout: 3 * Self.second)
        }
        let queue = try reaching { try engines[0].queue("work", timeout: 3 * Self.second) }
        try reaching { try queue.publish(id: "a", [1], timeout: 3 * Self.second) }
        servers[0].kill()
        let seen = try reaching(within: 30) {
            try #require(try engines[1].get(.lasting, "n.x", timeout: Self.second))
        }
        #expect(seen.revision == revision)
        let next = try reaching(within: 30) {
            try engines[2].put(.lasting, "n.x", [2], expected: .revision(revision), timeout: 3 * Self.second)
        }
        #expect(next > revision)
        // The one whose server is gone goes to another.
        #expect(try reaching(within: 30) { try engines[0].get(.lasting, "n.x", timeout: Self.second)?.bytes } == [2])
        let other = try reaching { try engines[1].queue("work", timeout: 3 * Self.second) }
        let message = try reaching(within: 30) { try #require(try other.pull(timeout: 3 * Self.second)) }
        #expect(message.bytes == [1])
        try reaching(within: 30) { try other.settle(message.token, .done, timeout: 3 * Self.second) }
    }

    /// Of many that want a name at once, one has it.
    @Test func oneOfManyWins() async throws {
        guard let server = try NatsServer.alone() else { return }
        let engine = try engine([server])
        try reaching { _ = try engine.get(.lasting, "n.x", timeout: Self.second) }
        let winners = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<16 {
                group.addTask {
                    do throws(Failure) {
                        _ = try engine.put(.lasting, "n.x", [UInt8(index)], expected: .absent, timeout: 5 * Self.second)
                        return 1
                    } catch {
                        #expect(error.kind == .conflict, "\(error.detail)")
                        return 0
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(winners == 1)
    }

    /// What was removed leaves nothing in the stream for ever.
    @Test func removedKeysAreForgotten() throws {
        guard let server = try NatsServer.alone() else { return }
        let engine = try engine([server])
        func count() -> Int {
            let facts = (server.request("$JS.API.STREAM.INFO.KV_dandelion") ?? "").utf8
            let read = (try? JSONSerialization.jsonObject(with: Data(facts))) as? [String: Any]
            return (read?["state"] as? [String: Any])?["messages"] as? Int ?? -1
        }
        func change(_ key: String) throws {
            _ = try engine.put(.lasting, key, [1], expected: .whatever, timeout: 2 * Self.second)
            try engine.remove(.lasting, key, expected: .whatever, timeout: 2 * Self.second)
        }
        try reaching { try change("n.0") }
        for index in 1..<12 { try change("n.\(index)") }
        #expect(count() == 12)
        let end = Date().addingTimeInterval(15)
        while count() > 3, Date() < end {
            usleep(200_000)
            try change("n.x")
        }
        #expect((1...3).contains(count()))
        #expect(try engine.get(.lasting, "n.3", timeout: Self.second) == nil)
        _ = try engine.put(.lasting, "n.3", [2], expected: .absent, timeout: 2 * Self.second)
        #expect(try engine.get(.lasting, "n.3", timeout: Self.second)?.bytes == [2])
    }

    /// The kit's checks that need an engine, with one.
    @Test func theKitPassesItWithAServer() throws {
        guard let server = try NatsServer.alone() else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.plugin).deletingLastPathComponent()
            .appendingPathComponent("dandelion")
        process.arguments = [
            "plugins", "check", Self.plugin, "--include", "fleet", "--include", "threads", "--include", "leaks",
            "--settings",
            "{\"servers\":[\"\(server.url)\"],\"lease_ms\":1000,\"ack_wait_ms\":500}",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        for check in ["names", "away", "values", "watch", "lease", "queue", "settle-time", "leaks-nothing"] {
            #expect(text.contains("passed  fleet-\(check)"), "\(text)")
        }
    }

    @Test(arguments: [
        ("{\"servers\":[\"http://x\"]}", "servers"), ("{\"servers\":[]}", "servers"), ("{\"fleet\":\"a.b\"}", "fleet"),
        ("{\"key_file\":\"/dev/null\"}", "key_file"), ("{\"ca_file\":\"/nowhere\"}", "ca_file"),
    ])
    func settingsThatAreWrongAreNamed(settings: String, key: String) throws {
        let library = try PluginLibrary(path: Self.plugin)
        let configuration = PluginConfiguration(try JSONReader.read(settings))
        do throws(Failure) {
            _ = try library.start(label: "nats", configuration: configuration)
            Issue.record("\(settings) is taken")
        } catch {
            #expect(error.detail.contains(key), "\(error.detail)")
        }
    }
}

extension EngineTests {
    /// Each setting stands in the README.
    @Test func settingsAreTold() throws {
        let library = try PluginLibrary(path: Self.plugin)
        let text = Data(library.descriptor.configSchema.utf8)
        let schema = try JSONSerialization.jsonObject(with: text) as? [String: Any]
        let names = try #require(schema?["properties"] as? [String: Any]).keys
        let readme = try String(
            contentsOf: PluginFixture.root.appendingPathComponent("Plugins/NATS/README.md"), encoding: .utf8)
        #expect(names.count > 5 && names.filter { !readme.contains("`\($0)`") } == [])
    }
}
