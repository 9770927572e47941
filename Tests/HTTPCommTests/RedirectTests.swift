import CommHarness
import PluginABI
import Testing

/// Redirects: what is followed, with which method, and where the policy stops it.
struct RedirectTests {
    let origin = Origin()
    var base: String { "http://127.0.0.1:\(origin.port)" }

    private func follow(_ request: String, _ settings: [String: Setting] = local) throws -> Answer {
        let answer = try Client(settings).perform(request)
        origin.stop()
        return answer
    }

    @Test(arguments: [
        ("301", "POST", "GET", false), ("302", "PUT", "GET", false), ("303", "DELETE", "GET", false),
        ("307", "POST", "POST", true), ("308", "PATCH", "PATCH", true), ("301", "GET", "GET", false),
    ])
    func methods(_ code: String, _ method: String, _ second: String, _ keepsBody: Bool) throws {
        let answer = try follow("\(method) \(base)/redirect/\(code)?/echo HTTP/1.1\nContent-Type:x\nX-Kept:1\n\nbody")
        let lines = answer.text(1)
        #expect(answer.status == 200, "\(answer.message)")
        #expect(lines.hasPrefix("\(second) /echo HTTP/1.1\r\n"))
        #expect(lines.contains("X-Kept:1\r\n"))
        #expect(lines.contains("Content-Type") == keepsBody && lines.hasSuffix("body") == keepsBody)
    }

    @Test func headStaysHead() throws {
        let answer = try follow("HEAD \(base)/redirect/302?/big?77 HTTP/1.1")
        #expect(answer.status == 200 && answer.text(0).contains("content-length:77\n") && answer.outputs[1].isEmpty)
    }

    @Test func credentialsStayWithTheirHost() throws {
        let other = Origin()
        let headers = "Authorization: Bearer x\nCookie: a=b\nX-Kept:1\n\n"
        let there = try Client(local).perform(
            "GET \(base)/redirect/307?http://127.0.0.1:\(other.port)/echo HTTP/1.1\n\(headers)")
        #expect(there.text(1).contains("X-Kept:1\r\n"))
        #expect(!there.text(1).contains("Authorization") && !there.text(1).contains("Cookie"))
        #expect(there.text(1).contains("Host: 127.0.0.1:\(other.port)\r\n"))
        other.stop()
        let here = try follow("GET \(base)/redirect/307?/echo HTTP/1.1\n\(headers)")
        #expect(here.text(1).contains("Authorization: Bearer x\r\n") && here.text(1).contains("Cookie: a=b\r\n"))
    }

    @Test(arguments: [
        ("http://169.254.169.254/latest/meta-data", "cloud metadata"), ("http://[fd00:ec2::254]/", "cloud metadata"),
        ("http://10.0.0.1/", "private"), ("http://0xa9fea9fe/", "cloud metadata"),
    ])
    func toRefusedAddress(_ location: String, _ words: String) throws {
        let answer = try follow("GET \(base)/redirect/302?\(location) HTTP/1.1")
        #expect(answer.outcome == DN_COMM_DENIED && answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        #expect(answer.message.hasPrefix("redirect refused: ") && answer.message.contains(words), "\(answer.message)")
    }

    @Test func nameThatResolvesToRefusedAddress() throws {
        let settings: [String: Setting] = ["allow_cidrs": .list(["127.0.0.1"]), "deny_cidrs": .list(["127.0.0.0/8"])]
        #expect(try Client(settings).perform("GET \(base)/ HTTP/1.1").outcome == DN_COMM_OK)
        let literal = try follow("GET \(base)/redirect/302?http://127.0.0.2:\(origin.port)/ HTTP/1.1", settings)
        #expect(
            literal.outcome == DN_COMM_DENIED && literal.message.contains("deny_cidrs (127.0.0.0/8)"),
            "\(literal.message)")
    }

    @Test(arguments: ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://a:b@127.0.0.1/"])
    func toUnusableURL(_ location: String) throws {
        let answer = try follow("GET \(base)/redirect/302?\(location) HTTP/1.1")
        #expect(answer.outcome == DN_COMM_PROTOCOL, "\(answer.message)")
        #expect(answer.message.hasPrefix("redirect to "))
    }

    @Test func limits() throws {
        let client = try Client(["allow_loopback": .flag(true), "max_redirects": .number(3)])
        let endless = try client.perform("GET \(base)/loop HTTP/1.1")
        #expect(endless.outcome == DN_COMM_PROTOCOL && endless.message == "more than 3 redirects")
        #expect(origin.requestCount == 4)
        let none = try follow(
            "GET \(base)/loop HTTP/1.1", ["allow_loopback": .flag(true), "max_redirects": .number(0)])
        #expect(none.outcome == DN_COMM_OK && none.status == 302 && none.text(0).contains("location:/loop\n"))
    }

    @Test(arguments: ["300", "304", "305"])
    func otherCodesAreAnswers(_ code: String) throws {
        let answer = try follow("GET \(base)/redirect/\(code)?/echo HTTP/1.1")
        #expect(answer.outcome == DN_COMM_OK && answer.status == Int32(code))
    }

    @Test func deadlineSpansAllHops() throws {
        let answer = try Client(local).perform("GET \(base)/redirect/302?/never HTTP/1.1", timeout: 150_000_000)
        #expect(answer.outcome == DN_COMM_DEADLINE && answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        #expect(answer.total < 1_000_000_000)
        origin.stop()
    }
}
