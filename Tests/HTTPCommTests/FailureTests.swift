import CommHarness
import Glibc
import PluginABI
import Testing

/// Servers that misbehave, limits, and refused addresses.
struct FailureTests {
    let origin = Origin()
    var base: String { "http://127.0.0.1:\(origin.port)" }

    @Test(arguments: [
        ("/garbage", DN_COMM_PROTOCOL), ("/half", DN_COMM_RESET), ("/halfchunk", DN_COMM_RESET),
        ("/close", DN_COMM_RESET),
    ])
    func brokenAnswers(_ path: String, _ outcome: Int32) throws {
        let client = try Client(local)
        for method in ["GET", "POST"] {
            let answer = try client.perform("\(method) \(base)\(path) HTTP/1.1")
            #expect(answer.outcome == outcome, "\(answer.message)")
            #expect(answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED && answer.outputs.isEmpty && answer.status == 0)
            #expect(!answer.message.isEmpty)
        }
        #expect(try client.perform("GET \(base)/ HTTP/1.1").text(1) == "ok")
        origin.stop()
    }

    @Test func refusedConnection() throws {
        let dead = Origin()
        dead.stop()
        usleep(20_000)
        let answer = try Client(local).perform("POST http://127.0.0.1:\(dead.port)/ HTTP/1.1\n\nbody")
        #expect(answer.outcome == DN_COMM_CONNECT && answer.effect == DN_EFFECT_NOT_SENT, "\(answer.message)")
        origin.stop()
    }

    @Test func unknownName() throws {
        let answer = try Client(local).perform("GET http://no-such-host.invalid/ HTTP/1.1", timeout: 15_000_000_000)
        #expect(answer.outcome == DN_COMM_RESOLVE && answer.effect == DN_EFFECT_NOT_SENT, "\(answer.message)")
        origin.stop()
    }

    @Test func silentServerAndDeadline() throws {
        let client = try Client(local)
        let start = monotonic()
        let answer = try client.perform("GET \(base)/never HTTP/1.1", timeout: 150_000_000)
        let took = monotonic() - start
        #expect(answer.outcome == DN_COMM_DEADLINE && answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED, "\(answer.message)")
        #expect(took > 149_000_000 && took < 1_000_000_000)
        let slow = try client.perform("GET \(base)/slow HTTP/1.1", timeout: 150_000_000)
        #expect(slow.outcome == DN_COMM_DEADLINE && slow.outputs.isEmpty)
        let own = try Client(["allow_loopback": .flag(true), "timeout_ms": .number(100)])
        #expect(try own.perform("GET \(base)/never HTTP/1.1").outcome == DN_COMM_DEADLINE)
        origin.stop()
    }

    @Test func deadlineThatHasPassed() throws {
        let client = try Client(local)
        let answer = try client.perform("GET \(base)/ HTTP/1.1", timeout: 1)
        #expect(answer.outcome == DN_COMM_DEADLINE && answer.effect == DN_EFFECT_NOT_SENT)
        #expect(try client.poll(20_000_000).isEmpty)
        origin.stop()
    }

    @Test func connectTimeout() throws {
        // A listener whose queue is full answers no SYN.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var fillers: [Int32] = []
        withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(listener, address, length)
                getsockname(listener, address, &length)
                listen(listener, 0)
                for _ in 0..<4 {
                    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                    _ = connect(fd, address, length)
                    fillers.append(fd)
                }
            }
        }
        let client = try Client(["allow_loopback": .flag(true), "connect_timeout_ms": .number(150)])
        let answer = try client.perform("GET http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/ HTTP/1.1")
        #expect(answer.outcome == DN_COMM_CONNECT && answer.effect == DN_EFFECT_NOT_SENT, "\(answer.message)")
        #expect(answer.message.contains("150 ms"))
        for fd in fillers + [listener] { close(fd) }
        origin.stop()
    }

    @Test func responseLimits() throws {
        let client = try Client(["allow_loopback": .flag(true), "max_response_bytes": .number(100_000)])
        for path in ["/big?100001", "/endless", "/manyheaders?20000"] {
            let answer = try client.perform("GET \(base)\(path) HTTP/1.1")
            #expect(
                answer.outcome == DN_COMM_TOO_LARGE && answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED,
                "\(path) \(answer.message)")
        }
        #expect(try client.perform("GET \(base)/big?90000 HTTP/1.1").outputs[1].count == 90_000)
        // The request's own limit counts when it is lower: status line and headers are 66 bytes here.
        let head = try client.perform("GET \(base)/big?10 HTTP/1.1").outputs[0].count + 1
        let fits = try client.perform("GET \(base)/big?10 HTTP/1.1", maxResponse: UInt64(head + 10))
        #expect(fits.outcome == DN_COMM_OK)
        let over = try client.perform("GET \(base)/big?10 HTTP/1.1", maxResponse: UInt64(head + 9))
        #expect(over.outcome == DN_COMM_TOO_LARGE)
        origin.stop()
    }

    @Test func namesCannotLeadToRefusedAddresses() throws {
        let client = try Client([:])
        let answer = try client.perform("GET http://localhost:\(origin.port)/ HTTP/1.1")
        #expect(answer.outcome == DN_COMM_DENIED && answer.effect == DN_EFFECT_NOT_SENT)
        #expect(answer.message.contains("refused without allow_loopback"), "\(answer.message)")
        let listed = try Client(["allow_hosts": .list(["localhost"])])
        #expect(try listed.perform("GET http://localhost:\(origin.port)/ HTTP/1.1").outcome == DN_COMM_DENIED)
        #expect(origin.connectionCount == 0)
        origin.stop()
    }

    @Test func submitRefusesWhatValidateRefuses() throws {
        let client = try Client([:])
        let denied = #expect(throws: Refused.self) { try client.submit("GET http://169.254.169.254/ HTTP/1.1") }
        #expect(denied?.status == DN_PERMISSION)
        let bad = #expect(throws: Refused.self) { try client.submit("GET http://a/ HTTP/7") }
        #expect(bad?.status == DN_BAD_INPUT && bad?.offset == 14)
        #expect(try client.poll(0).isEmpty)
        origin.stop()
    }

    @Test func postIsNotSentTwice() throws {
        let client = try Client(local)
        #expect(try client.perform("GET \(base)/closeonsecond HTTP/1.1").outcome == DN_COMM_OK)
        let before = origin.requestCount
        let post = try client.perform("POST \(base)/closeonsecond HTTP/1.1\n\nonce")
        #expect(post.outcome == DN_COMM_RESET && post.effect == DN_EFFECT_MAY_HAVE_HAPPENED, "\(post.message)")
        // Once, or not at all when the connection ended before the server had read it; a repetition would come at once.
        usleep(20_000)
        #expect(origin.requestCount <= before + 1)
        // An idempotent request may be repeated on a fresh connection.
        #expect(try client.perform("GET \(base)/closeonsecond HTTP/1.1").outcome == DN_COMM_OK)
        #expect(try client.perform("GET \(base)/closeonsecond HTTP/1.1").outcome == DN_COMM_OK)
        origin.stop()
    }
}
