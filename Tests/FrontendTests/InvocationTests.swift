import Items
import Platform
import Testing

@testable import Frontend

/// Requests whose answer comes later, from an engine.
@Suite(.serialized, .plainAndTLS) struct InvocationTests {
    private func with(_ body: (TestServer, Client) throws -> Void) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        for letter in ["E", "S", "L", "F"] {
            #expect(client.send("PUT", "/v1/functions/\(letter)?inputs=a,b&outputs=x,y", letter)?.status == 201)
        }
        try body(server, client)
    }

    private func call(_ name: String, _ data: [UInt8]) -> [UInt8] {
        TestBSON.document([
            ("name", .string(name)), ("sets", .array([.set("in", [.item("i", .int64(1), data)])])),
        ]).bytes
    }

    @Test func runsFunctions() throws {
        try with { server, client in
            #expect(client.send("POST", "/v1/invoke/E", "hello")?.text == "hello")
            #expect(client.send("POST", "/v1/invoke/E?fresh=true", "hello")?.text == "hello")
            let item: [(String, TestBSON)] = [
                ("identifier", .string("i")), ("key", .int64(1)), ("data", .binary([1, 2, 3])),
            ]
            let expected = TestBSON.document([("sets", .array([.set("x", [.document(item)])]))]).bytes
            for _ in 0..<200 {
                let reply = client.send("POST", "/hot/x", call("E", [1, 2, 3]))
                #expect(reply?.status == 200)
                #expect(reply?.body == expected)
            }
            #expect(client.send("POST", "/v1/invoke/E?class=other", "hello")?.status == 400)
            let listing = client.send("GET", "/v1/functions/E", "")?.text
            #expect(
                listing?.hasPrefix(#"{"name":"E","class":"default","inputs":["a","b"],"bound":[],"outputs":["x","y"],"#)
                    == true)
            let taken = client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "S")
            #expect(taken?.status == 201 && taken?.text.contains("\"version\":2,") == true)
            #expect(client.send("DELETE", "/v1/functions/E", "")?.status == 204)
            #expect(client.send("POST", "/v1/invoke/E", "hello")?.status == 404)
        }
    }

    @Test func namesThatAreWrong() throws {
        try with { server, client in
            for query in ["inputs=in,in&outputs=x", "inputs=a&outputs=x,y,x"] {
                let twice = client.send("PUT", "/v1/functions/T?\(query)", "E")
                #expect(twice?.status == 400 && twice?.text.contains("sets are called '") == true)
            }
            #expect(client.send("PUT", "/v1/functions/matmul?inputs=a&outputs=x", "E")?.status == 201)
            for (method, path) in [
                ("POST", "/v1/invoke/matmull"), ("GET", "/v1/functions/Matmul"), ("DELETE", "/v1/functions/matmu"),
            ] {
                let wrong = client.send(method, path, "")
                #expect(wrong?.status == 404 && wrong?.text.contains("did you mean 'matmul'?") == true, "\(path)")
            }
            let called = client.send("POST", "/hot/x", call("matmil", []))
            #expect(called?.status == 404 && called?.text.contains("did you mean 'matmul'?") == true)
            #expect(client.send("POST", "/v1/invoke/sqrt", "")?.text.contains("did you mean") == false)
            // An event loop compares with some of many, those beside it.
            for number in 0..<260 {
                #expect(client.send("PUT", "/v1/functions/n\(number)?inputs=a&outputs=x", "E")?.status == 201)
            }
            #expect(client.send("POST", "/v1/invoke/matmull", "")?.text.contains("did you mean 'matmul'?") == true)
        }
    }

    /// For curl: `Accept: text/plain` brings the lines of a composition's mistakes as lines.
    @Test(arguments: [
        ("text/plain", true), ("text/plain, */*", true), ("*/*", false), ("application/json", false),
        ("application/problem+json;q=0.5, TEXT/plain;q=0.9", true), ("application/json, text/plain;q=0.9", false),
        ("text/plain;q=0", false), ("text/*", false),
    ])
    func problemsAsText(accept: String, isText: Bool) throws {
        try with { _, client in
            let wrong = "composition X(a) => (b) { F(a = all a) => (b = c); }"
            let reply = client.send("PUT", "/v1/compositions/X", wrong, "Accept: \(accept)\r\n")
            #expect(reply?.status == 400)
            #expect(reply?.text.contains("declared; add `function F(a, b) => (x, y);`\n    composition X") == isText)
            #expect(reply?.text.hasPrefix("{\"type\":") == !isText)
        }
    }

    @Test func registersTheOriginalsWay() throws {
        try with { server, client in
            func document(_ name: String) -> [UInt8] {
                RegistrationDocumentTests.function([
                    ("name", .string(name)), ("engine_type", .string("DEFAULT")),
                    ("binary", .array([.int32(Int32(UInt8(ascii: "E")))])), ("context_size", .int64(1 << 20)),
                ])
            }
            let reply = client.send("POST", "/register/function", document("f"))
            #expect(reply?.status == 200)
            #expect(reply?.text == "Function registered")
            #expect(client.send("POST", "/register/function", document("f"))?.status == 409)
            #expect(client.send("POST", "/hot/matmul", call("f", [7]))?.status == 200)
        }
    }

    @Test func bindsSetsAtRegistration() throws {
        try with { server, client in
            let body =
                "--b\r\nContent-Disposition: form-data; name=image\r\n\r\nE\r\n--b\r\n"
                + "Content-Disposition: form-data; name=b; filename=f\r\n\r\nbound\r\n--b--"
            let type = "Content-Type: multipart/form-data; boundary=b\r\n"
            #expect(client.send("PUT", "/v1/functions/B?inputs=a,b&outputs=x,y", body, type)?.status == 201)
            #expect(client.send("POST", "/v1/invoke/B", "")?.text == "bound")
            #expect(client.send("PUT", "/v1/functions/C?inputs=a&outputs=x", body, type)?.status == 400)
        }
    }

    @Test func tellsFaultsAndDeadlines() throws {
        try with { server, client in
            let fault = client.send("POST", "/v1/invoke/F", "")
            #expect(fault?.status == 422)
            #expect(fault?.text.contains("0xbad") == true)
            #expect(fault?.text.contains(#""instance":"/v1/invoke/F""#) == true)
            let late = client.send("POST", "/hot/x", call("L", []), "Dandelion-Timeout: 30ms\r\n")
            #expect(late?.status == 504)
            #expect(client.send("POST", "/v1/invoke/E", "after")?.text == "after")
        }
    }

    @Test func aClientThatLeavesCancels() throws {
        try with { server, client in
            for end in 0..<3 {
                let leaving = try server.connect()
                leaving.send(Client.request("POST", "/v1/invoke/L", Array("x".utf8)))
                Sleep.milliseconds(30)
                switch end {
                case 0: leaving.reset()
                case 1: leaving.endSending()
                default:
                    leaving.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    leaving.reset()
                }
                // The one worker is free for this only when the other has been stopped.
                #expect(client.send("POST", "/v1/invoke/E", "after")?.text == "after")
            }
        }
    }

    @Test func pipelinedRequestsWaitForTheAnswer() throws {
        try with { server, client in
            var bytes: [UInt8] = []
            for index in 0..<10 {
                bytes += Client.request("POST", "/v1/invoke/\(index % 2 == 0 ? "S" : "E")", Array("\(index)".utf8))
            }
            client.send(bytes)
            for index in 0..<10 { #expect(client.response()?.text == "\(index)") }
        }
    }

    @Test func streamsRunAtTheSameTime() throws {
        try with { server, _ in
            let client = try server.connect()
            client.send("\(HTTP2Session.preface)")
            var frames: [Frame] = [.settings]
            for stream in stride(from: 1, to: 21, by: 2) as StrideTo<UInt32> {
                frames.append(.request(stream, "POST", "/v1/invoke/\(stream == 1 ? "L" : "S")", end: false))
                frames.append(.data(stream, Array("\(stream)".utf8), end: true))
            }
            client.send(frames.flatMap(\.bytes))
            Sleep.milliseconds(30)
            client.send(Frame(type: 3, flags: 0, stream: 1, payload: [0, 0, 0, 8]).bytes)
            var count = 1
            var answers: [UInt32: [UInt8]] = [:]
            while answers.count < 9 {
                let bytes = client.bytes(atLeast: count)
                guard bytes.count >= count else { break }
                count = bytes.count + 1
                for frame in Frame.all(in: bytes) where frame.type == 0 { answers[frame.stream] = frame.payload }
            }
            #expect(answers.count == 9)
            #expect(answers.allSatisfy { String(decoding: $1, as: UTF8.self) == "\($0)" })
        }
    }

    @Test func largeRepliesReachSlowReaders() throws {
        try with { server, client in
            let body = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 ^ $0 >> 8) }
            let slow = try server.connect()
            slow.send(Client.request("POST", "/v1/invoke/E", body) + Client.request("POST", "/v1/invoke/E", [1]))
            Sleep.milliseconds(100)
            #expect(client.send("POST", "/v1/invoke/E", "meanwhile")?.text == "meanwhile")
            #expect(slow.response()?.body == body)
            #expect(slow.response()?.body == [1])
        }
    }

    @Test func longDocumentsAreReadAsShortOnes() throws {
        try with { server, client in
            let data = [UInt8](repeating: 5, count: 2 << 20)
            let reply = client.send("POST", "/hot/x", call("E", data))
            #expect(reply?.status == 200)
            #expect(reply?.body.count ?? 0 > data.count)
            #expect(client.send("POST", "/hot/x", [1] + call("E", data))?.status == 400)
        }
    }

    @Test func longCompositionsHoldUpNobody() throws {
        try with { server, client in
            // Each call takes what the one before it made.
            let last = 8000
            let calls = (0...last).map { index in
                "E(a = all \(index == 0 ? "p" : "m\(index - 1)")) => (\(index == last ? "q" : "m\(index)") = x);\n"
            }
            let text = "function E(a, b) => (x, y);\ncomposition C(p) => (q) {\n\(calls.joined())"
            func document(_ text: String) -> [UInt8] {
                TestBSON.document([("composition", .string(text)), ("sets", .array([.set("p", [])]))]).bytes
            }
            for (text, status) in [(text + "}", 200), (text, 400)] {
                let author = try server.connect()
                author.send(Client.request("POST", "/hot/x", document(text)))
                Sleep.milliseconds(30)
                #expect(client.send("POST", "/v1/invoke/E", "meanwhile")?.text == "meanwhile")
                #expect(!author.hasArrived)
                #expect(author.response()?.status == status)
            }
        }
    }

    @Test func stoppingLetsRequestsFinish() throws {
        let server = try TestServer()
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/S?inputs=a&outputs=x", "S")?.status == 201)
        let idle = try server.connect()
        #expect(idle.send("GET", "/healthz", "")?.status == 200)
        client.send(Client.request("POST", "/v1/invoke/S", Array("last".utf8)))
        Sleep.milliseconds(5)
        server.stop()
        let reply = client.response()
        #expect(reply?.text == "last")
        #expect(reply?.head.contains("connection: close") == true)
        #expect(idle.rest().isEmpty)
        #expect(throws: SystemError.self) { try server.connect() }
    }

    @Test func holdsManyConnections() throws {
        try with { server, client in
            let idle = try (0..<400).map { _ in try server.connect() }
            for client in idle { client.send("POST /hot/x HTTP/1.1\r\nHost: a\r\nContent-Le") }
            #expect(client.send("POST", "/v1/invoke/E", "hello")?.text == "hello")
            // Connecting does not wait for being accepted.
            for _ in 0..<1000 where server.frontend.connectionCount < 401 { Sleep.milliseconds(2) }
            #expect(server.frontend.connectionCount == 401)
            for client in idle { client.send("ngth: 1\r\n\r\nx") }
            #expect(idle.allSatisfy { $0.response()?.status == 400 })
        }
    }
}

extension Client {
    static func request(_ method: String, _ path: String, _ body: [UInt8], _ fields: String = "") -> [UInt8] {
        Array("\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\(fields)\r\n".utf8) + body
    }

    func send(_ method: String, _ path: String, _ body: [UInt8], _ fields: String = "") -> Response? {
        send(Self.request(method, path, body, fields))
        return response(toHead: method == "HEAD")
    }

    func send(_ method: String, _ path: String, _ body: String, _ fields: String = "") -> Response? {
        send(method, path, Array(body.utf8), fields)
    }
}
