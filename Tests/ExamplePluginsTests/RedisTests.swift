import CommHarness
import Foundation
import PluginABI
import Testing

/// Against Debian's redis-server.
@Suite(
    .serialized,
    .enabled(if: Server.path(of: "redis-server") != nil, "redis-server is not installed: apt-get install redis-server"))
struct RedisTests {
    private let server: Server
    private let port: Int
    private var name: String { "127.0.0.1:\(port)" }

    init() throws {
        port = try Server.freePort()
        server = try Server(
            "redis-server",
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--requirepass", "secret", "--dir", "FOLDER",
            ])
        try Server.await(port: port)
    }

    private func client(_ more: [String: Setting] = [:], maxInflight: UInt64 = 0) throws -> CommClient {
        let settings = more.merging(["servers": .list([name]), "password": .text("secret")]) { old, _ in old }
        return try CommClient(CommPlugin(file: Built.redis, settings), maxInflight: maxInflight)
    }

    @Test func everyKindOfReply() throws {
        let client = try client(["database": .number(3), "extra_commands": .list(["eval", "CONFIG"])])
        func ask(_ request: String) throws -> (String, String) {
            let answer = try client.perform("\(name) \(request)")
            #expect(answer.outcome == DN_COMM_OK, "\(request): \(answer.message)")
            #expect(answer.effect == DN_EFFECT_DONE)
            return (answer.text(0), answer.text(1))
        }
        #expect(try ask("SET k v") == ("simple", "OK"))
        #expect(try ask("GET k") == ("string", "v"))
        #expect(try ask("get missing") == ("null", ""))
        #expect(try ask("SET k $ EX 100\nbinary\0\r\nvalue") == ("simple", "OK"))
        #expect(try ask("GET k") == ("string", "binary\0\r\nvalue"))
        #expect(try ask("TTL k") == ("integer", "100"))
        #expect(try ask("SET \"a \\x41\\\"b\"\n") == ("simple", "OK"))
        #expect(try ask("GET \"a A\\\"b\"") == ("string", ""))
        #expect(try ask("INCR n") == ("integer", "1"))
        #expect(try ask("INCR k").0 == "error")
        #expect(try ask("ZADD z 1.5 one") == ("integer", "1"))
        #expect(try ask("ZSCORE z one") == ("double", "1.5"))
        #expect(try ask("HSET h f 1 g 2") == ("integer", "2"))
        #expect(try ask("HGETALL h") == ("map", "%2\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n"))
        #expect(try ask("SADD s x") == ("integer", "1"))
        #expect(try ask("SMEMBERS s") == ("set", "~1\r\n$1\r\nx\r\n"))
        #expect(try ask("MGET k missing").0 == "array")
        #expect(try ask("EVAL \"redis.setresp(3) return true\" 0") == ("boolean", "t"))
        #expect(try ask("EVAL \"return {1,{2,{3,{4}}}}\" 0").0 == "array")
    }

    @Test func hundredsInFlightEachWithItsOwnReply() throws {
        let client = try client(maxInflight: 1024)
        for index in 0..<1000 { try client.submit("\(name) SET n\(index)\nvalue \(index)") }
        #expect(try client.answers(1000).allSatisfy { $0.text(1) == "OK" })
        var wanted: [UInt64: String] = [:]
        for index in 0..<1000 { wanted[try client.submit("\(name) GET n\(index)")] = "value \(index)" }
        for answer in try client.answers(1000) { #expect(answer.text(1) == wanted[answer.token]) }
        let big = [UInt8](repeating: 120, count: 3_000_000)
        try client.submit(Array("\(name) SET big\n".utf8) + big)
        #expect(try client.answers(1)[0].text(1) == "OK")
        #expect(try client.perform("\(name) GET big").outputs.last == big)
        #expect(try client.perform("\(name) GET big", maxResponse: 1000).outcome == DN_COMM_TOO_LARGE)
        #expect(try client.perform("\(name) GET n1").text(1) == "value 1")
    }

    @Test func badRequestsAreRefusedWithThePlace() throws {
        let client = try client()
        let length = UInt64(name.utf8.count)
        let cases: [(String, dn_status, UInt64, String)] = [
            ("", DN_BAD_INPUT, 0, "empty"),
            ("10.0.0.1:6379 GET k", DN_PERMISSION, 0, "not one that the operator allows"),
            ("\(name)", DN_BAD_INPUT, length, "command is missing"),
            ("\(name) SUBSCRIBE c", DN_PERMISSION, length + 1, "changes or blocks"),
            ("\(name) blpop l 0", DN_PERMISSION, length + 1, "changes or blocks"),
            ("\(name) FLUSHALL", DN_PERMISSION, length + 1, "not allowed"),
            ("\(name) EVAL x 0", DN_PERMISSION, length + 1, "not allowed"),
            ("\(name) GET \"k", DN_BAD_INPUT, length + 5, "not closed"),
            ("\(name) GET \"k\\y\"", DN_BAD_INPUT, length + 7, "is followed by"),
            ("\(name) GET \"k\"x", DN_BAD_INPUT, length + 8, "blank is wanted"),
            ("\(name) SET k $", DN_BAD_INPUT, length + 8, "has no end"),
            ("\(name) SET k $ $\nv", DN_BAD_INPUT, length + 9, "second '$'"),
        ]
        for (request, status, offset, words) in cases {
            let refusal = try #require(client.plugin.refusal(request), "\(request) is accepted")
            #expect(refusal.status == status, "\(request): \(refusal)")
            #expect(refusal.offset == offset, "\(request): \(refusal)")
            #expect(refusal.message.contains(words), "\(request): \(refusal)")
            #expect(throws: Refused.self) { try client.submit(request) }
        }
    }

    @Test func failuresTellWhatMayHaveHappened() throws {
        let client = try client(["timeout_ms": .number(60000)])
        #expect(try client.perform("\(name) SET n 1").effect == DN_EFFECT_DONE)
        server.pause()
        let late = try client.perform("\(name) INCR n", timeout: 50_000_000)
        #expect(late.outcome == DN_COMM_DEADLINE)
        #expect(late.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        server.resume()
        #expect(try client.perform("\(name) GET n").outcome == DN_COMM_OK)
        let wrong = try self.client(["password": .text("wrong")])
        let refused = try wrong.perform("\(name) GET n")
        #expect(refused.outcome == DN_COMM_CONNECT)
        #expect(refused.effect == DN_EFFECT_NOT_SENT)
        #expect(refused.message.contains("WRONGPASS"))
        server.stop()
        _ = try client.perform("\(name) GET n")
        let gone = try client.perform("\(name) SET n 1")
        #expect(gone.outcome == DN_COMM_CONNECT)
        #expect(gone.effect == DN_EFFECT_NOT_SENT)
    }
}

/// Against a server that lies.
@Suite(.serialized, .enabled(if: Server.path(of: "redis-server") != nil, "as RedisTests"))
struct RedisLiesTests {
    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "*99999999999\r\n", "$-5\r\n", "$3\r\nabcdef\r\n", ":1\r\n:2\r\n:3\r\n", "+",
        String(repeating: "*1\r\n", count: 1000), "\r\n", "%1\r\n+k\r\n", String(repeating: "x", count: 100_000),
    ])
    func noReplyOfAServerIsTrusted(_ reply: String) throws {
        let server = try LyingServer(reply)
        defer { withExtendedLifetime(server) {} }
        let name = "127.0.0.1:\(server.port)"
        let client = try CommClient(CommPlugin(file: Built.redis, ["servers": .list([name])]))
        for _ in 0..<3 {
            let end = try client.perform("\(name) GET k", timeout: 2_000_000_000)
            #expect([DN_COMM_PROTOCOL, DN_COMM_RESET, DN_COMM_CONNECT].contains(end.outcome), "\(end)")
        }
    }
}
