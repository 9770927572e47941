import Failure
import Glibc
import Items
import Platform
import Testing

@testable import Frontend

@Suite(.serialized, .plainAndTLS) struct ServerTests {
    private static let echo = "composition echo(x, y) => (x, y) { }"

    private func get(_ path: String, method: String = "GET", _ fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    private func put(_ path: String, method: String = "PUT", _ body: [UInt8], _ fields: String = "") -> [UInt8] {
        Array(get(path, method: method, "Content-Length: \(body.count)\r\n\(fields)").utf8) + body
    }

    private func with(_ server: TestServer, _ body: (TestServer) throws -> Void) rethrows {
        defer { server.stop() }
        try body(server)
    }

    private func registerEcho(_ client: Client) {
        client.send(put("/v1/compositions/echo", Array(Self.echo.utf8)))
        #expect(client.response()?.status == 201)
    }

    @Test func answersTheOriginalsRoutes() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            for method in ["GET", "POST", "PURGE"] {
                client.send(get("/", method: method))
                let response = client.response()
                #expect(response?.status == 200)
                #expect(response?.text == "Hello, World\n")
            }
            client.send(get("/nothing"))
            #expect(client.response()?.status == 404)
            let composition = TestBSON.document([("composition", .string(Self.echo))]).bytes
            client.send(put("/register/composition", method: "POST", composition))
            #expect(client.response()?.text == "Function registered")
            client.send(put("/register/composition", method: "POST", composition))
            #expect(client.response()?.status == 409)
            let call = TestBSON.document([
                ("name", .string("echo")), ("sets", .array([.set("in", [.item("i", .int32(3), [1, 2])])])),
            ]).bytes
            for path in ["/hot/anything", "/cold/matmul"] {
                client.send(put(path, method: "GET", call))
                let expected = TestBSON.document([
                    (
                        "sets",
                        .array([
                            .set(
                                "in",
                                [
                                    .document([
                                        ("identifier", .string("i")), ("key", .int64(3)), ("data", .binary([1, 2])),
                                    ])
                                ])
                        ])
                    )
                ]).bytes
                let response = client.response()
                #expect(response?.status == 200)
                #expect(response?.body == expected)
            }
        }
    }

    @Test func refusesWithProblems() throws {
        try with(TestServer(allowsLocalPath: false)) { server in
            let client = try server.connect()
            func status(_ bytes: [UInt8]) -> Int? {
                client.send(bytes)
                let response = client.response()
                #expect(response?.head.contains("content-type: application/problem+json") == true)
                return response?.status
            }
            #expect(status(put("/hot/x", method: "POST", [1, 2])) == 400)
            let unknown = TestBSON.document([("name", .string("nobody")), ("sets", .array([]))]).bytes
            #expect(status(put("/hot/x", method: "POST", unknown)) == 404)
            let function = RegistrationDocumentTests.function([("local_path", .string("/bin/true"))])
            #expect(status(put("/register/function", method: "POST", function)) == 403)
            #expect(status(put("/register/function", method: "POST", RegistrationDocumentTests.function())) == 400)
            #expect(status(put("/v1/compositions/c", Array("composition".utf8))) == 400)
            #expect(status(put("/v1/functions/f?wrong=1", [1])) == 400)
            #expect(status(put("/v1/functions/f?memory=lots", [1])) == 400)
            #expect(status(put("/v1/invoke/nobody", method: "POST", [1])) == 404)
            #expect(status(Array(get("/v1/functions/f").utf8)) == 404)
            #expect(status(Array(get("/v1/functions/f", method: "DELETE").utf8)) == 404)
            #expect(status(Array(get("/v1/functions/f", method: "POST").utf8)) == 405)
            #expect(status(Array(get("/v1/functions/%zz").utf8)) == 400)
            #expect(status(Array(get("/metrics", method: "POST").utf8)) == 405)
            #expect(status(Array(get("/register/function").utf8)) == 405)
        }
    }

    @Test func invokesInEveryFormat() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            registerEcho(client)
            func invoke(_ body: String, _ fields: String) -> Client.Response? {
                client.send(put("/v1/invoke/echo", method: "POST", Array(body.utf8), fields))
                return client.response()
            }
            let raw = invoke("hello", "")
            #expect(raw?.text == "hello")
            #expect(raw?.head.contains("content-type: application/octet-stream") == true)
            // The echo is a composition that passes its input on.
            #expect(raw?.timing?.hasSuffix("sandboxes;desc=0, requests;desc=0") == true)
            // Also of what failed, and none of what did not begin.
            #expect(invoke("fault", "Dandelion-Timeout: 1ns\r\n")?.timing != nil)
            #expect(invoke("z", "Accept: text/html\r\n")?.timing == nil)
            let json = #"{"sets":[{"name":"y","items":[{"ident":"i","key":2,"text":"t"},{"data":"/w=="}]}]}"#
            let reply = invoke(json, "Content-Type: application/json\r\n")
            let expected =
                #"{"sets":[{"name":"x","items":[]},{"name":"y","items":[{"ident":"i","key":2,"text":"t"},"#
                + #"{"ident":"","key":0,"data":"/w=="}]}]}"#
            #expect(reply?.text == expected)
            let part = "--b\r\nContent-Disposition: form-data; name=x; filename=f\r\n\r\npart\r\n--b--"
            let type = "Content-Type: multipart/form-data; boundary=b\r\n"
            #expect(invoke(part, type)?.text == "part")
            #expect(invoke(part, type + "Accept: multipart/form-data\r\n")?.text.contains("filename=\"f\"") == true)
            #expect(invoke(part, type + "Accept: application/json\r\n")?.text.contains(#""ident":"f""#) == true)
            #expect(invoke("z", "Accept: application/bson\r\n")?.body.count ?? 0 > 40)
            #expect(invoke("z", "Accept: text/html\r\n")?.status == 406)
            #expect(
                invoke(json, "Content-Type: application/json\r\nAccept: application/octet-stream\r\n")?.status == 406)
            #expect(invoke(#"{"sets":[{"name":"z","items":[]}]}"#, "Content-Type: application/json\r\n")?.status == 400)
            #expect(invoke("z", "Dandelion-Timeout: soon\r\n")?.status == 400)
            let long = String(repeating: "text ", count: 100_000)
            let longJSON = #"{"sets":[{"items":[{"text":"\#(long)"}]}]}"#
            let longReply = invoke(longJSON, "Content-Type: application/json\r\nAccept: application/json\r\n")
            #expect(longReply?.text.contains(long) == true)
        }
    }

    @Test func listsAndRemoves() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            registerEcho(client)
            client.send(get("/v1/compositions"))
            #expect(
                client.response()?.text
                    == #"{"compositions":[{"name":"echo","version":1,"inputs":["x","y"],"outputs":["x","y"]}]}"#
            )
            client.send(get("/v1/compositions/echo"))
            #expect(client.response()?.text.contains(#""text":"composition echo"#) == true)
            client.send(get("/v1/functions"))
            #expect(client.response()?.text == #"{"functions":[],"communication":[]}"#)
            client.send(get("/v1/compositions/echo", method: "DELETE"))
            #expect(client.response()?.status == 204)
            client.send(get("/v1/compositions/echo"))
            #expect(client.response()?.status == 404)
            client.send(get("/healthz"))
            #expect(client.response()?.text == "ok\n")
            client.send(get("/metrics"))
            #expect(client.response()?.text.contains("# TYPE dandelion_http_requests_total counter\n") == true)
            client.send(get("/stats"))
            #expect(client.response()?.text.hasPrefix("{") == true)
        }
    }

    @Test func answersPipelinedRequestsInOrder() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            registerEcho(client)
            var sent: [UInt8] = []
            let body = String(repeating: "0123456789", count: 100)
            for index in 0..<2000 {
                sent +=
                    index % 3 == 0
                    ? Array(get("/v1/compositions/echo\(index % 2)").utf8)
                    : put("/v1/invoke/echo", method: "POST", Array("\(index) \(body)".utf8))
            }
            let sender = try #require(SendingThread(client, sent))
            for index in 0..<2000 {
                let response = client.response()
                #expect(response?.status == (index % 3 == 0 ? 404 : 200))
                if index % 3 != 0 { #expect(response?.text == "\(index) \(body)") }
            }
            sender.join()
        }
    }

    @Test func takesBodiesInManyWays() throws {
        try with(TestServer(maxBody: 1 << 20)) { server in
            let client = try server.connect()
            registerEcho(client)
            let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            client.send(put("/v1/invoke/echo", method: "POST", body))
            #expect(client.response()?.body == body)
            client.send(get("/v1/invoke/echo", method: "POST", "Transfer-Encoding: chunked\r\n"))
            client.send("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n")
            #expect(client.response()?.text == "hello world")
            client.send(get("/v1/invoke/echo", method: "POST", "Content-Length: 2\r\nExpect: 100-continue\r\n"))
            #expect(client.response()?.status == 100)
            client.send("hi")
            #expect(client.response()?.text == "hi")
            for byte in put("/v1/invoke/echo", method: "POST", Array("slow".utf8)) { client.send([byte]) }
            #expect(client.response()?.text == "slow")
            client.send(get("/", method: "HEAD"))
            #expect(client.response(toHead: true)?.head.contains("content-length: 13") == true)
            client.send(get("/healthz"))
            #expect(client.response()?.text == "ok\n")
        }
    }

    @Test func refusesLargeBodiesAtOnce() throws {
        try with(TestServer()) { server in
            for fields in ["Content-Length: 1073741824\r\n", "Content-Length: 1073741824\r\nExpect: 100-continue\r\n"] {
                let client = try server.connect()
                client.send(get("/hot/x", method: "POST", fields))
                client.send([UInt8](repeating: 0, count: 1 << 20))
                let response = client.response()
                #expect(response?.status == 413)
                #expect(response?.head.contains("connection: close") == true)
                client.endSending()
                #expect(client.rest().isEmpty)
            }
        }
    }

    @Test func malformedRequestsGetAnAnswer() throws {
        try with(TestServer()) { server in
            for (text, status) in [
                ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505),
                ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505), ("\u{0}\u{1}\u{2}\r\n", 400),
            ] {
                let client = try server.connect()
                client.send(text)
                #expect(client.response()?.status == status, "\(text)")
                client.endSending()
                #expect(client.rest().isEmpty)
            }
        }
    }

    @Test func closesWhenAskedTo() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            client.send(get("/", "Connection: close\r\n") + get("/"))
            #expect(client.response()?.head.contains("connection: close") == true)
            #expect(client.rest().isEmpty)
            let old = try server.connect()
            old.send("GET / HTTP/1.0\r\n\r\n")
            #expect(String(decoding: old.rest(), as: UTF8.self).hasSuffix("\r\n\r\nHello, World\n"))
        }
    }

    @Test func endsSlowRequestsAndIdleConnections() throws {
        try with(TestServer(idleSeconds: 1)) { server in
            let slow = try server.connect()
            slow.send("GET / HTTP/1.1\r\nHo")
            let idle = try server.connect()
            #expect(idle.rest().isEmpty)
            #expect(slow.response()?.status == 408)
            #expect(slow.rest().isEmpty)
        }
    }

    @Test func turnsAwayWhatIsTooMuch() throws {
        try with(TestServer(maxConnections: 2)) { server in
            let first = try server.connect()
            let second = try server.connect()
            for client in [first, second] {
                client.send(get("/"))
                #expect(client.response()?.status == 200)
            }
            if PlainAndTLS.isSecure {
                // Nobody shakes hands for it.
                #expect(throws: Failure.self) { _ = try server.connect() }
            } else {
                #expect(try server.connect().response()?.status == 503)
            }
            first.send(get("/"))
            #expect(first.response()?.status == 200)
        }
    }

    @Test func speaksHTTP2WithPriorKnowledge() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            client.send("\(HTTP2Session.preface)")
            var frames = [Frame.settings]
            for stream in [1, 3, 5] as [UInt32] { frames.append(.request(stream, "GET", "/")) }
            client.send(frames.flatMap(\.bytes))
            var seen: [Frame] = []
            while seen.filter({ $0.type == 0 }).count < 3 {
                let bytes = client.bytes(atLeast: seen.map(\.bytes.count).reduce(0, +) + 1)
                let now = Frame.all(in: bytes)
                guard now.count > seen.count else { break }
                seen = now
            }
            #expect(
                seen.filter { $0.type == 0 }.map(\.payload) == Array(repeating: Array("Hello, World\n".utf8), count: 3))
        }
    }

    @Test func staysWithHTTP1WhenAskedToUpgrade() throws {
        try with(TestServer()) { server in
            let client = try server.connect()
            client.send(get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"))
            #expect(client.response()?.status == 200)
            client.send(get("/healthz"))
            #expect(client.response()?.text == "ok\n")
        }
    }

    @Test func survivesMutations() throws {
        try with(TestServer()) { server in
            var random = Random(seed: 8)
            let call = TestBSON.document([
                ("composition", .string(Self.echo)), ("sets", .array([.set("in", [.item("i", .int32(3), [1, 2])])])),
            ]).bytes
            let samples = [put("/hot/x", method: "POST", call), Array(get("/metrics").utf8) + Array(get("/").utf8)]
            for round in 0..<400 {
                let client = try server.connect()
                client.send(mutated(samples[round % 2], &random))
                if round % 5 == 0 { client.reset() } else { client.endSending() }
            }
            let client = try server.connect()
            client.send(get("/healthz"))
            #expect(client.response()?.status == 200)
        }
    }

    @Test func leavesNothingBehind() throws {
        func descriptors() -> Int {
            var count = 0
            guard let directory = opendir("/proc/self/fd") else { return -1 }
            while readdir(directory) != nil { count += 1 }
            closedir(directory)
            return count
        }
        try with(TestServer()) { server in
            func burst() throws {
                for _ in 0..<300 {
                    let client = try server.connect()
                    client.send(get("/", "Connection: close\r\n"))
                    _ = client.rest()
                }
            }
            try burst()
            let before = descriptors()
            try burst()
            for _ in 0..<1000 where server.frontend.connectionCount > 0 { Sleep.milliseconds(2) }
            #expect(descriptors() <= before)
            #expect(server.frontend.connectionCount == 0)
        }
    }
}

/// Sends while the test reads.
final class SendingThread: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the thread only calls send(2), the test only recv(2).
    private let client: Client
    private let bytes: [UInt8]
    private let done = Parker()

    init?(_ client: Client, _ bytes: [UInt8]) {
        self.client = client
        self.bytes = bytes
        do {
            try Thread.start(name: "sender", core: nil) {
                self.client.send(self.bytes)
                self.done.wake()
            }
        } catch { return nil }
    }

    func join() { done.park(nanoseconds: 5_000_000_000) }
}

extension Client.Response {
    /// The value of Server-Timing, if it is one.
    fileprivate var timing: Substring? {
        let names = ["queue", "load", "input", "run", "output", "communication", "total"]
        let stages = names.map { "\($0);dur=[0-9]+\\.[0-9]{3}" } + ["sandboxes;desc=[0-9]+", "requests;desc=[0-9]+"]
        guard let pattern = try? Regex("server-timing: (" + stages.joined(separator: ", ") + ")") else { return nil }
        return head.firstMatch(of: pattern)?.output[1].substring
    }
}
