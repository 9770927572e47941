import CommHarness
import Glibc
import PluginABI
import Testing

let local: [String: Setting] = ["allow_loopback": .flag(true)]

/// What goes out and what comes back, against an origin server of our own.
struct ExchangeTests {
    let origin = Origin()
    let client: Client
    var base: String { "http://127.0.0.1:\(origin.port)" }

    init() throws { client = try Client(local) }

    @Test func firstGenerationOfSets() throws {
        let answer = try client.perform("GET \(base)/connection HTTP/1.1")
        #expect(answer.outcome == DN_COMM_OK && answer.effect == DN_EFFECT_DONE && answer.status == 200)
        #expect(answer.text(0) == "HTTP/1.1 200 OK\ncontent-type:text/plain\ncontent-length:1\n")
        #expect(answer.text(1) == "1")
        #expect(answer.message.isEmpty && answer.total > 0)
        origin.stop()
    }

    @Test func secondGenerationOfSets() throws {
        let answer = try client.perform("GET \(base)/connection HTTP/1.1", signature: 1)
        #expect(answer.text(0) == "HTTP/1.1 200 OK\ncontent-type:text/plain\ncontent-length:1\n\n1")
        #expect(answer.text(1) == "1")
        origin.stop()
    }

    @Test func protocolsNameBothSignatures() throws {
        var all: UnsafePointer<dn_comm_protocol>?
        var count: UInt64 = 0
        var error = Plugin.emptyError()
        #expect(client.plugin.comm.protocols?(client.plugin.instance, &all, &count, &error) == DN_OK)
        let http = try #require(all).pointee
        let name = String(cString: try #require(http.name))
        #expect(count == 1 && name == "http" && http.signature_count == 2)
        let names = try (0..<2).map { index in
            let signature = try #require(http.signatures)[index]
            return [String(cString: try #require(signature.inputs)), String(cString: try #require(signature.outputs))]
        }
        #expect(names == [["requests", "headers bodies"], ["request", "response body"]])
        origin.stop()
    }

    /// The host says which trace a request belongs to; what the request says counts only where the host says nothing.
    @Test func theTraceIsTheHosts() throws {
        let own = "GET \(base)/echo HTTP/1.1\nTraceParent: mine\nA: b\ntracestate: mine=1\n\n"
        func fields(_ trace: (parent: String, state: String)?) throws -> [Substring] {
            try client.submit(Array(own.utf8), trace: trace)
            let sent = try client.answers(1)[0].text(1)
            return sent.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("trace") }
        }
        #expect(try fields(nil) == ["TraceParent: mine", "tracestate: mine=1"])
        #expect(try fields(("00-1-2-01", "")) == ["traceparent: 00-1-2-01"])
        #expect(try fields(("00-1-2-01", "a=1")) == ["traceparent: 00-1-2-01", "tracestate: a=1"])
        origin.stop()
    }

    @Test(arguments: ["\n", "\r\n"])
    func requestGoesOutAsWritten(_ end: String) throws {
        let lines = [
            "PURGE \(base)/echo?a=b#part HTTP/1.1", "X-Kept: two words ", "x-none:", "Cookie:c=1", "", "raw\r\nbody",
        ]
        let sent = try client.perform(lines.joined(separator: end))
        let head = "PURGE /echo?a=b HTTP/1.1\r\nHost: 127.0.0.1:\(origin.port)\r\nAccept: */*\r\nX-Kept: two words \r\n"
        #expect(sent.text(1) == head + "x-none:\r\nCookie:c=1\r\nContent-Length: 9\r\n\r\nraw\r\nbody")
        #expect(sent.sent == UInt64(sent.outputs[1].count))
        #expect(sent.received == UInt64(sent.outputs[0].count + sent.outputs[1].count + 7))
        origin.stop()
    }

    @Test func ownedHeadersAreReplaced() throws {
        let request = """
            POST \(base)/echo HTTP/1.1
            Host: 127.0.0.1:\(origin.port)
            Content-Length: 3
            Connection: X-Secret, close
            Keep-Alive: 1
            Proxy-Connection: x
            Proxy-Authorization: x
            TE: trailers
            Trailer: x
            Upgrade: h2c
            HTTP2-Settings: x
            Expect: 100-continue
            Content-Type: text/x

            body!
            """
        let head = "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:\(origin.port)\r\nAccept: */*\r\n"
        let expected = head + "Content-Type: text/x\r\nContent-Length: 5\r\n\r\nbody!"
        #expect(try client.perform(request).text(1) == expected)
        origin.stop()
    }

    @Test(arguments: [("GET", ""), ("POST", "Content-Length: 0\r\n"), ("PUT", "Content-Length: 0\r\n"), ("DELETE", "")])
    func withoutBody(_ method: String, _ length: String) throws {
        let answer = try client.perform("\(method) \(base)/echo HTTP/1.0")
        let expected = "\(method) /echo HTTP/1.0\r\nHost: 127.0.0.1:\(origin.port)\r\nAccept: */*\r\n\(length)\r\n"
        #expect(answer.text(1) == expected)
        origin.stop()
    }

    @Test func handlesKeepNothingOfTheRequestBefore() throws {
        let head = "Host: 127.0.0.1:\(origin.port)\r\nAccept: */*\r\n"
        _ = try client.perform("HEAD \(base)/big?5000 HTTP/1.1\nA:b")
        let put = try client.perform("PUT \(base)/echo HTTP/1.1\nContent-Type:x\n\nbody")
        #expect(put.text(1) == "PUT /echo HTTP/1.1\r\n\(head)Content-Type:x\r\nContent-Length: 4\r\n\r\nbody")
        let get = try client.perform("GET \(base)/echo HTTP/1.1\n\n")
        #expect(get.text(1) == "GET /echo HTTP/1.1\r\n\(head)\r\n")
        let post = try client.perform("POST \(base)/echo HTTP/1.1\n\nb")
        #expect(post.text(1) == "POST /echo HTTP/1.1\r\n\(head)Content-Length: 1\r\n\r\nb")
        let bodyWithGet = try client.perform("GET \(base)/echo HTTP/1.1\n\nb")
        #expect(bodyWithGet.text(1) == "GET /echo HTTP/1.1\r\n\(head)Content-Length: 1\r\n\r\nb")
        origin.stop()
    }

    @Test func headHasNoBody() throws {
        let answer = try client.perform("HEAD \(base)/big?1000 HTTP/1.1")
        #expect(answer.outcome == DN_COMM_OK && answer.outputs[1].isEmpty)
        #expect(answer.text(0).contains("content-length:1000\n"))
        #expect(try client.perform("GET \(base)/connection HTTP/1.1").text(1) == "1")
        origin.stop()
    }

    @Test func pathsAreEncodedWhereTheyMustBe() throws {
        let answer = try client.perform("GET \(base)/echo?\u{e4}{\"<\\>} HTTP/1.1")
        #expect(answer.text(1).hasPrefix("GET /echo?%C3%A4%7B%22%3C%5C%3E%7D HTTP/1.1\r\n"))
        origin.stop()
    }

    @Test(arguments: ["204", "404", "500", "418"])
    func everyStatusIsAnAnswer(_ status: String) throws {
        let answer = try client.perform("GET \(base)/status?\(status) HTTP/1.1")
        #expect(answer.outcome == DN_COMM_OK && answer.status == Int32(status))
        #expect(answer.text(0).hasPrefix("HTTP/1.1 \(status) Whatever\n"))
        origin.stop()
    }

    @Test func responseHeadersAreCleaned() throws {
        let answer = try client.perform("GET \(base)/headers HTTP/1.1")
        let expected =
            "HTTP/1.1 299 Odd Reason\nx-upper:spaced value\nx-empty:\nx-fold:one two\nx-tab:a b\ncontent-length:0\n"
        #expect(answer.text(0) == expected)
        origin.stop()
    }

    @Test func interimAnswersAndTrailersAreLeftOut() throws {
        let interim = try client.perform("GET \(base)/interim HTTP/1.1", signature: 1)
        #expect(interim.text(0) == "HTTP/1.1 200 OK\ncontent-type:text/plain\ncontent-length:5\n\nfinal")
        let chunked = try client.perform("GET \(base)/chunked HTTP/1.1")
        #expect(chunked.text(0) == "HTTP/1.1 200 OK\ntransfer-encoding:chunked\n")
        #expect(chunked.text(1) == "hello world")
        origin.stop()
    }

    @Test func largeBodiesBothWays() throws {
        let body = [UInt8](repeating: 0x0A, count: 3 << 20)
        let token = try client.submit(Array("POST \(base)/echo HTTP/1.1\n\n".utf8) + body)
        let answer = try client.answers(1)[0]
        #expect(answer.token == token && answer.outcome == DN_COMM_OK, "\(answer.message)")
        #expect(Array(answer.outputs[1].suffix(body.count)) == body)
        #expect(answer.sent == UInt64(answer.outputs[1].count))
        origin.stop()
    }

    @Test func connectionsAreReused() throws {
        for _ in 0..<20 { #expect(try client.perform("GET \(base)/connection HTTP/1.1").text(1) == "1") }
        #expect(origin.connectionCount == 1)
        origin.stop()
    }

    @Test func connectionsForOneHostAreCapped() throws {
        let client = try Client(["allow_loopback": .flag(true), "max_connections_per_host": .number(3)])
        for _ in 0..<30 { try client.submit("GET \(base)/wait?5 HTTP/1.1") }
        #expect(try client.answers(30).allSatisfy { $0.text(1) == "waited" })
        #expect(origin.connectionCount <= 3)
        // Waiting for a connection counts against the deadline too.
        for _ in 0..<3 { try client.submit("GET \(base)/wait?800 HTTP/1.1") }
        let late = try client.submit("GET \(base)/wait?5 HTTP/1.1", timeout: 100_000_000)
        let first = try client.answers(1)[0]
        #expect(first.token == late && first.outcome == DN_COMM_DEADLINE && first.effect == DN_EFFECT_NOT_SENT)
        #expect(try client.answers(3).allSatisfy { $0.outcome == DN_COMM_OK })
        origin.stop()
    }

    @Test func waitingForAConnectionEnds() throws {
        let client = try Client([
            "allow_loopback": .flag(true), "max_connections_per_host": .number(1), "connect_timeout_ms": .number(100),
        ])
        for _ in 0..<6 { try client.submit("GET \(base)/wait?150 HTTP/1.1") }
        let answers = try client.answers(6)
        #expect(answers.allSatisfy { $0.outcome == DN_COMM_OK || $0.outcome == DN_COMM_CONNECT })
        origin.stop()
    }

    /// A kept connection on which something has come that nobody asked for is not used again; one that is quiet is.
    @Test(arguments: [0, 1])
    func strayBytesAreNotTheNextAnswer(late: Int) throws {
        let origin = Origin()
        let client = try Client(local)
        func answer(_ body: String) -> [UInt8] {
            Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
        }
        let poison = answer("poison")
        origin.answer(
            "/stray",
            with: .init(pieces: late == 1 ? [answer("hi"), poison] : [answer("hi") + poison], isClosing: false))
        for round in 0..<3 {
            #expect(try client.perform("GET http://127.0.0.1:\(origin.port)/stray HTTP/1.1").text(1) == "hi")
            usleep(80_000)
            let method = round == 1 ? "POST" : "GET"
            let next = try client.perform("\(method) http://127.0.0.1:\(origin.port)/connection HTTP/1.1")
            #expect(next.outcome == DN_COMM_OK && next.text(1) == "\(round + 2)", "\(next.message) \(next.text(1))")
            let kept = try client.perform("GET http://127.0.0.1:\(origin.port)/connection HTTP/1.1")
            #expect(kept.text(1) == "\(round + 2)")
        }
        #expect(origin.connectionCount == 4)
        origin.stop()
    }
}
