import Config
import Foundation
import Platform
import Telemetry
import Testing

@testable import Engines

/// Cores that change between computing and communicating under connections that do not care.
@Suite(.serialized) struct CoreMoveTests {
    /// Four workers, on whatever CPUs there are.
    static let cores: [Int32] = {
        let allowed = Platform.Thread.allowedCores()
        return (0..<4).map { allowed[$0 % allowed.count] }
    }()

    static func invoke(_ letter: String, _ client: Client, _ body: String = "hello") -> Client.Response? {
        client.send("POST", "/v1/invoke/\(letter)", body)
    }

    static func register(_ letter: String, at server: TestServer) throws {
        let reply = try server.connect().send("PUT", "/v1/functions/\(letter)?inputs=a&outputs=x", letter)
        #expect(reply?.status == 201)
    }

    static func cores(_ kind: String) -> Int { Metrics.shared.value("dandelion_engines_\(kind)_cores") ?? -1 }

    /// Runs `body` with a client on so many threads until `condition` holds; false after 20 s.
    static func load(
        _ server: TestServer, clients: Int, until condition: () -> Bool, _ body: @escaping @Sendable (Client) -> Bool
    ) throws -> Bool {
        let stop = NSLock()
        nonisolated(unsafe) var isOver = false
        let group = DispatchGroup()
        for _ in 0..<clients {
            // Made here, used by its thread alone.
            nonisolated(unsafe) let client = try server.connect()
            group.enter()
            Foundation.Thread.detachNewThread {
                while !stop.withLock({ isOver }), body(client) {}
                group.leave()
            }
        }
        var holds = false
        for _ in 0..<2000 where !holds {
            usleep(10_000)
            holds = condition()
        }
        stop.withLock { isOver = true }
        group.wait()
        return holds
    }

    @Test func splitFollowsTheLoad() throws {
        let server = try TestServer(cores: Self.cores)
        defer { server.stop() }
        #expect(Self.cores("compute") == 2 && Self.cores("communication") == 2)
        try Self.register("S", at: server)
        let computes = try Self.load(
            server, clients: 40, until: { Self.cores("compute") == 3 && Self.cores("communication") == 1 }
        ) {
            Self.invoke("S", $0)?.status == 200
        }
        #expect(computes)
        let pipelined = String(repeating: "GET /v1/functions HTTP/1.1\r\nhost: node\r\n\r\n", count: 50)
        let communicates = try Self.load(
            server, clients: 100, until: { Self.cores("communication") == 3 && Self.cores("compute") == 1 }
        ) {
            client in
            client.send(pipelined)
            return (0..<50).allSatisfy { _ in client.response()?.status == 200 }
        }
        #expect(communicates)
    }

    /// Whatever the cores are for, every request is answered, once and in order.
    @Test func requestsSurviveMoves() throws {
        let server = try TestServer(cores: Self.cores, control: ControlSettings(deadBand: 1000))
        defer { server.stop() }
        try Self.register("E", at: server)
        try Self.register("S", at: server)
        var split = CoreSplit(cores: 4)
        var flips = 0
        nonisolated(unsafe) var failures: [String] = []
        let lock = NSLock()
        let finished = try Self.load(
            server, clients: 12,
            until: {
                if !split.move([1, -1, -1, 1][flips % 4]) { return true }
                server.pool.apply(split)
                flips += 1
                return flips == 200
            },
            { client in
                let body = String(Int.random(in: 0..<1_000_000_000))
                let response = Self.invoke(Int.random(in: 0..<8) == 0 ? "S" : "E", client, body)
                let good = response?.status == 200 && response?.text.contains(body) == true
                if !good { lock.withLock { failures.append("\(response?.text ?? "closed") for \(body)") } }
                return good
            })
        #expect(finished && failures.isEmpty, "\(failures)")
        #expect(flips == 200)
        // Connections sit where they are served.
        usleep(50_000)
        for worker in server.pool.workers where worker.kind == .compute {
            #expect(worker.loop.watched == 0)
        }
    }
}
