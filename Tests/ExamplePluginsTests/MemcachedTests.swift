import CommHarness
import Foundation
import PluginABI
import Testing

/// Against Debian's memcached.
@Suite(
    .serialized,
    .enabled(if: Server.path(of: "memcached") != nil, "memcached is not installed: apt-get install memcached"))
struct MemcachedTests {
    private let server: Server
    private let port: Int
    private var tcp: String { "127.0.0.1:\(port)" }
    private var udp: String { "udp://127.0.0.1:\(port)" }

    init() throws {
        port = try Server.freePort()
        server = try Server(
            "memcached", ["-u", "nobody", "-l", "127.0.0.1", "-p", "\(port)", "-U", "\(port)", "-m", "64"])
        try Server.await(port: port)
    }

    private func client(_ more: [String: Setting] = [:], maxInflight: UInt64 = 0) throws -> CommClient {
        let settings = more.merging(["servers": .list([tcp, udp])]) { $1 }
        return try CommClient(CommPlugin(file: Built.memcached, settings), maxInflight: maxInflight)
    }

    @Test func everyCommandByTCPAndUDP() throws {
        let client = try client()
        for server in [tcp, udp] {
            func ask(_ request: String) throws -> (String, String) {
                let answer = try client.perform(request)
                #expect(answer.outcome == DN_COMM_OK, "\(request): \(answer.message)")
                #expect(answer.effect == DN_EFFECT_DONE)
                return (answer.text(0), answer.text(1))
            }
            #expect(try ask("get \(server) k") == ("MISS", ""))
            #expect(try ask("set \(server) k flags=7\nvalue\r\n\0binary").0 == "STORED")
            let (header, value) = try ask("get \(server) k")
            #expect(value == "value\r\n\0binary")
            #expect(header.hasPrefix("HIT flags=7 cas="))
            let cas = header.split(separator: "=").last.map(String.init) ?? ""
            #expect(try ask("cas \(server) k cas=\(cas)\nsecond").0 == "STORED")
            #expect(try ask("cas \(server) k cas=\(cas)\nthird").0 == "EXISTS")
            #expect(try ask("add \(server) k\nother").0 == "NOT_STORED")
            #expect(try ask("append \(server) k\n!").0 == "STORED")
            #expect(try ask("prepend \(server) k\n?").0 == "STORED")
            #expect(try ask("MEMCACHED_GET \(server) k").1 == "?second!")
            #expect(try ask("replace \(server) k ttl=100\n41").0 == "STORED")
            #expect(try ask("incr \(server) k") == ("NUMBER", "42"))
            #expect(try ask("decr \(server) k by=40") == ("NUMBER", "2"))
            #expect(try ask("touch \(server) k ttl=5").0 == "TOUCHED")
            #expect(try ask("set \(server) k\n").0 == "STORED")
            #expect(try ask("get \(server) k").1 == "")
            #expect(try ask("incr \(server) k").0.hasPrefix("CLIENT_ERROR"))
            #expect(try ask("delete \(server) k").0 == "DELETED")
            #expect(try ask("delete \(server) k").0 == "NOT_FOUND")
        }
    }

    @Test func largeValuesComeWholeInManyDatagramsToo() throws {
        let client = try client(["max_value_bytes": .number(1 << 20)])
        // By UDP, more datagrams at once than a socket's buffer holds are lost.
        let value = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try client.submit(Array("set \(tcp) big\n".utf8) + value)
        #expect(try client.answers(1)[0].text(0) == "STORED")
        for server in [tcp, udp] {
            let answer = try client.perform("get \(server) big")
            #expect(answer.outputs.last == value, "\(server): \(answer.message)")
        }
        let refused = try client.perform("get \(tcp) big", maxResponse: 1000)
        #expect(refused.outcome == DN_COMM_TOO_LARGE)
        #expect(try client.perform("get \(tcp) big").outcome == DN_COMM_OK)
    }

    @Test func hundredsInFlightEachWithItsOwnAnswer() throws {
        let client = try client(maxInflight: 1024)
        var wanted: [UInt64: String] = [:]
        for index in 0..<1000 { try client.submit("set \(tcp) n\(index)\nvalue \(index)") }
        #expect(try client.answers(1000).allSatisfy { $0.text(0) == "STORED" })
        for index in 0..<1000 { wanted[try client.submit("get \(tcp) n\(index)")] = "value \(index)" }
        for answer in try client.answers(1000) { #expect(answer.text(1) == wanted[answer.token]) }
        #expect(throws: Refused.self) {
            for _ in 0..<1025 { try client.submit("get \(tcp) n") }
        }
        #expect(try client.answers(1024).count == 1024)
    }

    @Test func badRequestsAreRefusedWithThePlace() throws {
        let client = try client(["max_value_bytes": .number(100)])
        let cases: [(String, dn_status, UInt64, String)] = [
            ("", DN_BAD_INPUT, 0, "unknown command"),
            ("fetch \(tcp) k", DN_BAD_INPUT, 0, "unknown command"),
            ("get", DN_BAD_INPUT, 3, "server is missing"),
            ("get 10.0.0.1:11211 k", DN_PERMISSION, 4, "not one that the operator allows"),
            ("get \(tcp)", DN_BAD_INPUT, UInt64(4 + tcp.utf8.count), "a key has"),
            ("get \(tcp) a\u{7}b", DN_BAD_INPUT, UInt64(5 + tcp.utf8.count), "a key has"),
            ("get \(tcp) \(String(repeating: "k", count: 251))", DN_BAD_INPUT, UInt64(5 + tcp.utf8.count), "a key has"),
            ("get \(tcp) k ttl=1", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count), "takes only"),
            ("get \(tcp) k\nv", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count), "takes no value"),
            ("set \(tcp) k", DN_BAD_INPUT, UInt64(6 + tcp.utf8.count), "has no end"),
            ("set \(tcp) k ttl=x\nv", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count), "takes only"),
            ("set \(tcp) k ttl=99999999999\nv", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count), "takes only"),
            ("cas \(tcp) k\nv", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count), "needs cas"),
            (
                "set \(tcp) k\n\(String(repeating: "v", count: 101))", DN_BAD_INPUT, UInt64(7 + tcp.utf8.count),
                "101 bytes, 100"
            ),
        ]
        for (request, status, offset, words) in cases {
            let refusal = try #require(client.plugin.refusal(request), "\(request) is accepted")
            #expect(refusal.status == status, "\(request)")
            #expect(refusal.offset == offset, "\(request): \(refusal)")
            #expect(refusal.message.contains(words), "\(request): \(refusal)")
            #expect(throws: Refused.self) { try client.submit(request) }
        }
        // A line in a key or value cannot become a second command.
        #expect(client.plugin.refusal("get \(tcp) k\r\nflush_all") != nil)
        #expect(try client.perform("set \(tcp) k\nx\r\nflush_all\r\n").text(0) == "STORED")
        #expect(try client.perform("get \(tcp) k").text(1) == "x\r\nflush_all\r\n")
    }

    @Test func failuresTellWhatMayHaveHappened() throws {
        let client = try client(["timeout_ms": .number(60000), "udp_timeout_ms": .number(50)])
        #expect(try client.perform("set \(tcp) k\n1").effect == DN_EFFECT_DONE)
        server.pause()
        let late = try client.perform("incr \(tcp) k", timeout: 50_000_000)
        #expect(late.outcome == DN_COMM_DEADLINE)
        #expect(late.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        let lost = try client.perform("incr \(udp) k")
        #expect(lost.outcome == DN_COMM_DEADLINE)
        #expect(lost.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        let token = try client.submit("incr \(tcp) k")
        _ = try client.poll(1_000_000)
        client.cancel(token)
        #expect(try client.answers(1)[0].outcome == DN_COMM_CANCELLED)
        server.resume()
        #expect(try client.perform("get \(tcp) k").outcome == DN_COMM_OK)
        try client.submit("get \(tcp) k")
        let early = try client.poll(0)
        server.stop()
        if early.isEmpty { _ = try client.answers(1) }
        let gone = try client.perform("set \(tcp) k\n1")
        if gone.outcome == DN_COMM_RESET { #expect(gone.effect == DN_EFFECT_MAY_HAVE_HAPPENED) }
        let refused = try client.perform("set \(tcp) k\n1")
        #expect(refused.outcome == DN_COMM_CONNECT)
        #expect(refused.effect == DN_EFFECT_NOT_SENT)
        #expect(refused.message.contains("Connection refused"))
        #expect(try client.perform("get \(tcp) k", timeout: 1).outcome == DN_COMM_DEADLINE)
    }
}

/// Against a server that lies.
@Suite(.serialized) struct MemcachedLiesTests {
    @Test(arguments: [
        "nonsense\r\n", "VALUE other 0 1 1\r\nx\r\nEND\r\n", "VALUE k 0 -1 1\r\n", "VALUE k 0 1 1\r\nxx\r\nEND\r\n",
        "VALUE k 0 99999999999999999999 1\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n", "END\r\nEND\r\n", "ERROR\r\n",
        "VALUE k", String(repeating: "x", count: 2000),
    ])
    func noAnswerOfAServerIsTrusted(_ answer: String) throws {
        let server = try LyingServer(answer)
        let name = "127.0.0.1:\(server.port)"
        let client = try CommClient(CommPlugin(file: Built.memcached, ["servers": .list([name])]))
        defer { withExtendedLifetime(server) {} }
        for _ in 0..<3 {
            let end = try client.perform("get \(name) k", timeout: 2_000_000_000)
            if answer == "END\r\nEND\r\n" && end.outcome == DN_COMM_OK { continue }
            #expect([DN_COMM_PROTOCOL, DN_COMM_RESET, DN_COMM_TOO_LARGE].contains(end.outcome), "\(end)")
            #expect(end.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        }
    }
}
