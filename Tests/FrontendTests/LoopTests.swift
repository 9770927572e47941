import Engines
import Glibc
import Items
import Platform
import Testing

@testable import Frontend

/// No client keeps an event loop from the others: the longest that one stays with anything is watched during what takes
/// longest. CPU time counts, so that a busy machine changes nothing.
@Suite(.serialized) struct LoopTests {
    /// A build without optimisation takes that much longer.
    private static var longest: UInt64 {
        #if DEBUG
            25_000_000
        #else
            5_000_000
        #endif
    }

    private func attack(
        _ attacks: [(String, (TestServer, Client) throws -> Void)], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (name, attack) in attacks {
            let server = try TestServer(idleSeconds: 1, measure: .processor)
            defer { server.stop() }
            let client = try server.connect()
            #expect(client.send("PUT", "/v1/functions/E?inputs=a,b&outputs=x,y", "E")?.status == 201)
            #expect(client.send("PUT", "/v1/compositions/C", "composition C(a) => (a) { }")?.status == 201)
            try attack(server, client)
            let took = server.pool.longestTurn
            #expect(
                took.time < Self.longest, "\(name): \(took.time / 1000) us (\(took.work))",
                sourceLocation: sourceLocation)
        }
    }

    private static let json = "Content-Type: application/json\r\n"

    @Test func longBodies() throws {
        let items = String(repeating: #"{"text":"\n"},"#, count: 60_000) + #"{"text":""}"#
        let boundary = "multipart/form-data; boundary=b"
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
        let documents = TestBSON.document([
            ("name", .string("C")),
            ("sets", .array([.set("a", (0..<20_000).map { .item("i", .int32(Int32($0)), []) })])),
        ]).bytes
        let raw = [UInt8](repeating: 65, count: 32 << 20)
        try attack([
            (
                "json",
                { _, client in
                    for accept in ["application/json", "application/bson", "multipart/form-data"] {
                        let body = #"{"sets":[{"items":[\#(items)]}]}"#
                        #expect(
                            client.send("POST", "/v1/invoke/C", body, Self.json + "Accept: \(accept)\r\n")?.status
                                == 200)
                    }
                }
            ),
            (
                "json that is refused",
                { _, client in
                    let body = #"{"sets":[{"items":[\#(items)"#
                    #expect(client.send("POST", "/v1/invoke/C", body, Self.json)?.status == 400)
                }
            ),
            (
                "multipart",
                { _, client in
                    let body = String(repeating: part, count: 20_000) + "--b--"
                    #expect(client.send("POST", "/v1/invoke/C", body, "Content-Type: \(boundary)\r\n")?.status == 200)
                }
            ),
            (
                "bson",
                { _, client in
                    #expect(client.send("POST", "/hot/x", documents)?.status == 200)
                }
            ),
            (
                "raw",
                { _, client in
                    #expect(client.send("POST", "/v1/invoke/C", raw)?.body.count == raw.count)
                }
            ),
        ])
    }

    @Test func manyRequestsAtOnce() throws {
        let body = #"{"sets":[{"items":[{"text":"\#(String(repeating: "é", count: 7000))"}]}]}"#
        try attack([
            (
                "pipelined",
                { server, client in
                    let count = 3000
                    let sent = (0..<count).flatMap { _ in Client.request("GET", "/nothing", []) }
                    let sender = try #require(SendingThread(client, sent))
                    for _ in 0..<count { #expect(client.response()?.status == 404) }
                    sender.join()
                }
            ),
            (
                "streams",
                { server, client in
                    let other = try server.connect()
                    other.send("\(HTTP2Session.preface)")
                    var frames: [Frame] = [.settings]
                    for stream in stride(from: 1, to: 201, by: 2) as StrideTo<UInt32> {
                        let fields = [
                            (":method", "POST"), (":scheme", "http"), (":path", "/v1/invoke/C"), (":authority", "a"),
                            ("content-type", "application/json"), ("accept", "application/json"),
                        ]
                        frames.append(.headers(stream, fields, end: false))
                        frames.append(.data(stream, Array(body.utf8), end: true))
                    }
                    other.send(frames.flatMap(\.bytes))
                    #expect(other.bytes(atLeast: 65_000).count >= 65_000)
                }
            ),
            (
                "unknown names",
                { server, client in
                    let calls = (0..<60).map { "EE\($0)(a = all p) => (m\($0) = x);" }.joined()
                    let document = TestBSON.document([
                        ("composition", .string("composition D(p) => (q) { \(calls) }")),
                        ("sets", .array([.set("p", [])])),
                    ]).bytes
                    for _ in 0..<20 { #expect(client.send("POST", "/hot/x", document)?.status == 400) }
                }
            ),
        ])
    }

    @Test func manyConnections() throws {
        try attack([
            (
                "idle ones expire together",
                { server, client in
                    let idle = try (0..<600).map { _ in try server.connect() }
                    for _ in 0..<2000 where server.frontend.connectionCount < 601 { Sleep.milliseconds(2) }
                    for _ in 0..<3000 where server.frontend.connectionCount > 1 {
                        #expect(client.send("GET", "/healthz", "")?.status == 200)
                        Sleep.milliseconds(2)
                    }
                    #expect(server.frontend.connectionCount == 1)
                    withExtendedLifetime(idle) {}
                }
            ),
            (
                "watchers",
                { _, client in
                    for _ in 0..<20 {
                        for path in ["/metrics", "/stats", "/v1/functions"] {
                            #expect(client.send("GET", path, "")?.status == 200)
                        }
                    }
                }
            ),
        ])
    }
}
