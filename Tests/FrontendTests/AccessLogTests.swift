import Config
import Failure
import Foundation
import Telemetry
import Testing
import Values

@testable import Frontend

@Suite struct RequestIDTests {
    @Test func noTwoAreTheSame() {
        var ids = RequestIDs()
        var others = RequestIDs()
        let made = (0..<20_000).map { _ in ids.next() } + (0..<20_000).map { _ in others.next() }
        #expect(Set(made.map { "\($0.high) \($0.low)" }).count == made.count)
    }

    @Test(arguments: ["a", "3c5e-77.x:y/z+w=@~_", String(repeating: "9", count: 128)])
    func wellFormed(text: String) { #expect(Array(text.utf8).withUnsafeBytes(RequestID.isWellFormed)) }

    @Test(arguments: ["", " ", "a b", "a\"b", "a\\b", "a,b", "<x>", "é", "a\tb", String(repeating: "9", count: 129)])
    func malformed(text: String) { #expect(!Array(text.utf8).withUnsafeBytes(RequestID.isWellFormed)) }
}

@Suite(.serialized) struct AccessLogTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "dandelion-access-\(UUID())").path

    /// The lines that `body`'s requests leave.
    private func lines(
        _ format: AccessLogSettings.Format = .json, _ body: (TestServer) throws -> Void
    ) throws -> [String] {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let log = try #require(try AccessLog(AccessLogSettings(path: path, format: format)))
        let server = try TestServer(accessLog: log)
        do {
            defer { server.stop() }
            try body(server)
        }
        log.stop()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func id(_ response: Client.Response?) -> String? {
        response?.head.split(separator: "\r\n").first { $0.hasPrefix("x-request-id: ") }.map {
            String($0.dropFirst(14))
        }
    }

    @Test func everyAnswerHasTheRequestsName() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        client.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-ID: from-the-gateway.1\r\n\r\n")
        #expect(id(client.response()) == "from-the-gateway.1")
        var made: Set<String> = []
        for field in ["", "X-Request-Id: has spaces\r\n", "X-Request-Id: \r\n"] {
            client.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
            let response = try #require(client.response())
            let own = try #require(id(response))
            #expect(own.utf8.count == 32 && own.allSatisfy(\.isHexDigit))
            made.insert(own)
            #expect(try JSONReader.read(response.text)["requestId"]?.text == own)
        }
        #expect(made.count == 3)
        client.send("GET /nothing HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\nX-Request-Id: q\r\n\r\n")
        #expect(client.response()?.text.hasSuffix("  requestId: q\n") == true)
        // What is no request has a name, too.
        client.send("GET  / HTTP/1.1\r\n\r\n")
        let refused = client.response()
        #expect(refused?.status == 400 && id(refused)?.utf8.count == 32)
    }

    @Test func aLineForEachRequest() throws {
        let put = "PUT /v1/functions/f?inputs=in&outputs=out HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
        let lines = try lines { server in
            let client = try server.connect()
            client.send("\(put)e")
            #expect(client.response()?.status == 201)
            client.send(
                "POST /v1/invoke/f?x=%22 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nUser-Agent: \"me\"\r\nX-Request-Id: r1\r\n"
                    + "Dandelion-Tenant: t1\r\n\r\nhi")
            #expect(client.response()?.status == 400)
            client.send(
                "POST /v1/invoke/f HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Request-Id: r2\r\nDandelion-Tenant: t1\r\n\r\nhi"
            )
            #expect(client.response()?.status == 200)
            client.send("HEAD /nothing HTTP/1.0\r\n\r\n")
            #expect(client.response(toHead: true)?.status == 404)
            let broken = try server.connect()
            broken.send("what\r\n\r\n")
            #expect(broken.response()?.status == 400)
        }
        try #require(lines.count == 5)
        let read = try lines.map { try JSONReader.read($0) }
        func texts(_ name: String) -> [String?] { read.map { $0[name]?.text } }
        #expect(texts("request_id")[1...2] == ["r1", "r2"])
        #expect(texts("method")[..<4] == ["PUT", "POST", "POST", "HEAD"])
        #expect(texts("target")[1] == "/v1/invoke/f?x=%22")
        #expect(texts("protocol") == ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.1"])
        #expect(texts("remote").allSatisfy { $0 == "127.0.0.1" })
        #expect(texts("tenant")[..<4] == ["default", "t1", "t1", "default"])
        #expect(texts("user_agent")[1] == "\"me\"")
        #expect(texts("name") == [nil, nil, "f", nil, nil])
        #expect(texts("problem") == [nil, "invalid", nil, "notFound", "invalid"])
        #expect(read.map { $0["status"]?.json } == ["201", "400", "200", "404", "400"])
        #expect(read.map { $0["request_bytes"]?.json }[..<3] == ["1", "2", "2"])
        #expect(read[3]["response_bytes"]?.json == "0" && read[2]["sandboxes"]?.json == "1")
        #expect(read[2]["run_ms"] != nil && read[0]["run_ms"] == nil && read.allSatisfy { $0["duration_ms"] != nil })
    }

    @Test func theCombinedFormat() throws {
        let lines = try lines(.text) { server in
            let client = try server.connect()
            client.send("GET /healthz HTTP/1.1\r\nHost: a\r\nUser-Agent: a \"b\\\r\nX-Request-Id: r\r\n\r\n")
            #expect(client.response()?.status == 200)
        }
        let line = try #require(lines.first)
        let time = #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#
        #expect(
            line.replacing(time, with: "T").replacing(#/\d+\.\d{3}$/#, with: "D")
                == #"127.0.0.1 - "default" [T] "GET /healthz HTTP/1.1" 200 3 "-" "a \"b\\" r D"#)
    }

    @Test func http2HasThem() throws {
        let lines = try lines { server in
            let client = try server.connect()
            client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            client.send(
                Frame.settings.bytes
                    + Frame.headers(
                        1,
                        [
                            (":method", "GET"), (":scheme", "http"), (":path", "/nothing"), (":authority", "a"),
                            ("x-request-id", "second"),
                        ], end: true
                    ).bytes)
            while true {
                let frames = Frame.all(in: client.bytes(atLeast: 200))
                if frames.contains(where: { $0.type == 0 && $0.stream == 1 }) {
                    let body = frames.filter { $0.type == 0 }.flatMap(\.payload)
                    #expect(String(decoding: body, as: UTF8.self).contains(#""requestId":"second""#))
                    break
                }
            }
        }
        #expect(lines.count == 1 && lines[0].contains(#""request_id":"second""#) && lines[0].contains("HTTP/2"))
    }

    @Test func aFolderThatIsNotThereIsTold() {
        let error = #expect(throws: Failure.self) { try AccessLog(AccessLogSettings(path: "/nonexistent/log")) }
        #expect(error?.detail == "the access log '/nonexistent/log' cannot be opened: open: No such file or directory")
    }
}
