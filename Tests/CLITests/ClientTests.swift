import Foundation
import Testing

@Suite struct ClientTests {
    private static func reply(_ body: String, _ status: String = "200 OK", _ fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func register() throws {
        let image = try TemporaryFile("IMAGE")
        let node = try FakeNode([Self.reply("{}", "201 Created")])
        let ran = try Ran(
            [
                "register", "mat mul", image.path, "--class", "process", "--input", "a", "--input", "b", "--output",
                "c",
                "--memory", "8MiB", "--timeout", "1s",
            ], node: node)
        #expect(ran.status == 0 && ran.output == "registered function mat mul\n" && ran.errors.isEmpty)
        let request = try #require(node.requests.first)
        #expect(
            request.hasPrefix(
                "PUT /v1/functions/mat%20mul?class=process&inputs=a%2Cb&outputs=c&memory=8MiB&timeout=1s HTTP/1.1\r\n"))
        #expect(request.hasSuffix("Content-Length: 5\r\n\r\nIMAGE"))
    }

    @Test func registerWithBoundItems() throws {
        let image = try TemporaryFile("IMAGE")
        let page = try TemporaryFile("PAGE")
        let node = try FakeNode([Self.reply("{}", "201 Created")])
        let ran = try Ran(["register", "f", image.path, "--input", "t", "--bind", "t#3=\(page.path)"], node: node)
        #expect(ran.status == 0)
        let request = try #require(node.requests.first)
        #expect(request.contains("name=\"image\"; filename=\"f\"\r\n\r\nIMAGE\r\n"))
        #expect(request.contains("name=\"t\"; filename=\"\(page.name)\"\r\nDandelion-Key: 3\r\n\r\nPAGE\r\n"))
    }

    @Test func registerLocally() throws {
        let node = try FakeNode([Self.reply("{}", "201 Created")])
        #expect(try Ran(["register", "f", "/images/f", "--local"], node: node).status == 0)
        let request = try #require(node.requests.first)
        #expect(request.hasPrefix("PUT /v1/functions/f?inputs=&outputs=&path=%2Fimages%2Ff HTTP/1.1\r\n"))
        #expect(request.hasSuffix("Content-Length: 0\r\n\r\n"))
    }

    @Test func compose() throws {
        let node = try FakeNode([Self.reply(#"{"compositions":["A","B"]}"#, "201 Created")])
        let ran = try Ran(["compose", "A", "-"], input: "composition A", node: node)
        #expect(ran.status == 0 && ran.output == "registered compositions A, B\n")
        #expect(node.requests.first?.hasPrefix("PUT /v1/compositions/A HTTP/1.1\r\n") == true)
        #expect(node.requests.first?.hasSuffix("\r\n\r\ncomposition A") == true)
    }

    @Test func invoke() throws {
        let fields = "Server-Timing: run;dur=0.012, sandboxes;desc=1\r\nDandelion-Exit-Code: 3\r\n"
        let node = try FakeNode([Self.reply("RESULT", "200 OK", fields), Self.reply("{}"), Self.reply("")])
        let ran = try Ran(
            ["invoke", "f", "--text", "hello", "--timing", "--cold", "--class", "kvm", "--timeout", "5s"], node: node)
        #expect(ran.status == 1 && ran.output == "RESULT")
        #expect(
            ran.errors == "  run        0.012 ms\n  sandboxes  1\ndandelion: the function left with exit code 3\n")
        let text = try #require(node.requests.first)
        #expect(text.hasPrefix("POST /v1/invoke/f?class=kvm&fresh=true HTTP/1.1\r\n"))
        #expect(text.contains("\r\nDandelion-Timeout: 5s\r\n") && text.hasSuffix("\r\n\r\nhello"))
        #expect(text.contains("\r\nUser-Agent: dandelion/\(try Ran.version())\r\n"))

        let file = try TemporaryFile("CSV")
        #expect(try Ran(["invoke", "f", "--item", "l#1=\(file.path)", "--json"], node: node).output == "{}")
        let item = try #require(node.requests.last)
        #expect(item.contains("\r\nAccept: application/json\r\n"))
        #expect(item.contains("name=\"l\"; filename=\"\(file.name)\"\r\nDandelion-Key: 1\r\n\r\nCSV\r\n"))

        #expect(try Ran(["invoke", "f"], node: node).status == 0)
        #expect(node.requests.last?.contains("Content-Type") == false)
    }

    @Test func list() throws {
        let functions = #"""
            {"functions":[{"name":"f","class":"kvm","inputs":["a","b"],"outputs":["c"]}],
            "communication":[{"name":"HTTP","signatures":[{"inputs":["requests"],"outputs":["headers","bodies"]}]}]}
            """#
        let compositions = #"{"compositions":[{"name":"C","inputs":[],"outputs":["o"]}]}"#
        let node = try FakeNode([functions, compositions, functions, compositions].map { Self.reply($0) })
        let rows = try Ran(["list"], node: node).output.split(separator: "\n")
        #expect(
            rows.map { $0.split(separator: "  ").map { $0.drop { $0 == " " } } } == [
                ["function", "f", "(a, b) => (c)", "kvm"],
                ["communication", "HTTP", "(requests) => (headers, bodies)"],
                ["composition", "C", "() => (o)"],
            ])
        let json = try Ran(["list", "--json"], node: node).output
        #expect(json.hasPrefix(#"{"functions":[{"name":"f""#) && json.hasSuffix(#""outputs":["o"]}]}"# + "\n"))
    }

    @Test func problemsAreReadable() throws {
        let problem = #"""
            {"type":"urn:dandelion:problem:conflict","title":"Conflict","status":409,
            "detail":"'f' is registered already","instance":"/v1","name":"f","line":3}
            """#
        let node = try FakeNode([Self.reply(problem, "409 Conflict"), Self.reply("<html>", "502 Bad Gateway")])
        let ran = try Ran(["invoke", "f"], node: node)
        #expect(ran.status == 1 && ran.output.isEmpty)
        #expect(ran.errors == "dandelion: 'f' is registered already\n  name: f\n  line: 3\n")
        #expect(try Ran(["invoke", "f"], node: node).errors == "dandelion: 502 Bad Gateway: <html>\n")
    }

    @Test func exitCodes() throws {
        #expect(try Ran(["invoke", "f", "--node", "http://127.0.0.1:1"]).status == 69)
        #expect(try Ran(["register", "f", "/nonexistent"]).status == 66)
        #expect(try Ran(["invoke", "f", "--node", "ftp://x"]).status == 64)
        #expect(try Ran(["invoke", "f", "--text", "a", "--file", "b"]).status == 64)
        #expect(try Ran(["register", "f", "x", "--bind", "a=b"]).status == 64)
        #expect(try Ran(["register", "f", "x", "--memory", "64MB"]).status == 64)
        #expect(try Ran(["serve", "--config", "/nonexistent"]).status == 78)
        #expect(try Ran(["remove", "f", "--node", "http://127.0.0.1:1"]).status == 69)
        #expect(try Ran(["serve", "--config", "x", "--listen", "here"]).status == 64)
        let cut = try FakeNode(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"])
        #expect(try Ran(["invoke", "f"], node: cut).status == 69)
    }

    @Test func remove() throws {
        let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        let removed = "HTTP/1.1 204 No Content\r\n\r\n"
        let used = Self.reply(#"{"detail":"'f' is used by C"}"#, "409 Conflict")
        let node = try FakeNode([removed, gone, removed, used, gone, Self.reply(#"{"detail":"none"}"#, "404 X")])
        #expect(try Ran(["remove", "f"], node: node).output == "removed f\n")
        #expect(try Ran(["remove", "C"], node: node).output == "removed C\n")
        let refused = try Ran(["remove", "f"], node: node)
        #expect(refused.status == 1 && refused.errors == "dandelion: 'f' is used by C\n")
        #expect(try Ran(["remove", "f"], node: node).status == 1)
        #expect(
            node.requests.map { $0.prefix { $0 != "\r\n" } } == [
                "DELETE /v1/functions/f HTTP/1.1", "DELETE /v1/functions/C HTTP/1.1",
                "DELETE /v1/compositions/C HTTP/1.1", "DELETE /v1/functions/f HTTP/1.1",
                "DELETE /v1/functions/f HTTP/1.1", "DELETE /v1/compositions/f HTTP/1.1",
            ])
    }

    // MARK: Durable invocations

    @Test func invokeAsynchronously() throws {
        let node = try FakeNode([
            Self.reply("{}", "202 Accepted", "Location: /v1/invocations/0193f2a8c1d40b7e\r\n"), Self.reply("OUT"),
        ])
        let ran = try Ran(["invoke", "f", "--text", "x", "--async", "--idempotency-key", "k1"], node: node)
        #expect(ran.status == 0 && ran.output == "0193f2a8c1d40b7e\n")
        let request = try #require(node.requests.first)
        #expect(request.contains("\r\nPrefer: respond-async\r\n") && request.contains("\r\nIdempotency-Key: k1\r\n"))
        #expect(try Ran(["invoke", "f", "--text", "x", "--async"], node: node).output == "OUT")
    }

    @Test func waitForAnInvocation() throws {
        let item = #"{"ident":"","key":0,"text":"OUT"}"#
        func facts(_ state: String, _ more: String = "") -> String { Self.reply(#"{"state":"\#(state)"\#(more)}"#) }
        let node = try FakeNode([
            facts("running"), facts("done", #","result":{"sets":[{"name":"x","items":[\#(item)]}]}"#),
            Self.reply("OUT"),
            facts("dead", #","error":{"detail":"too bad"}"#), facts("waiting"),
            facts("done", #","exitCode":3,"result":{"sets":[]}"#),
        ])
        let done = try Ran(["wait", "0193f2a8c1d40b7e"], node: node)
        #expect(done.status == 0 && done.output == "OUT")
        #expect(
            node.requests.first?.hasPrefix("GET /v1/invocations/0193f2a8c1d40b7e?wait=30000ms HTTP/1.1\r\n") == true)
        let dead = try Ran(["wait", "0193f2a8c1d40b7e"], node: node)
        #expect(dead.status == 1 && dead.errors == "dandelion: dead: too bad\n")
        let late = try Ran(["wait", "0193f2a8c1d40b7e", "--timeout", "1s"], node: node)
        #expect(late.status == 75 && late.errors.contains("goes on"))
        let code = try Ran(["wait", "0193f2a8c1d40b7e"], node: node)
        #expect(code.status == 1 && code.output == #"{"sets":[]}"#)
    }

    @Test func listAndChangeInvocations() throws {
        let one = #"{"id":"1","state":"dead","accepted":"then","name":"f","error":{"detail":"too bad"}}"#
        let node = try FakeNode([
            Self.reply(#"{"invocations":[\#(one)],"next":"1"}"#), Self.reply(#"{"invocations":[]}"#),
            Self.reply("", "204 No Content"), Self.reply("{}", "202 Accepted"), Self.reply(#"{"undecided":2}"#),
        ])
        let list = try Ran(["invocations", "--state", "dead", "--limit", "5"], node: node)
        #expect(list.status == 0 && list.output == "1  dead  then  f  too bad\n")
        #expect(node.requests.last?.hasPrefix("GET /v1/invocations?state=dead&after=1&limit=4 HTTP/1.1\r\n") == true)
        #expect(try Ran(["cancel", "1"], node: node).output == "cancelled 1\n")
        #expect(node.requests.last?.hasPrefix("DELETE /v1/invocations/1 HTTP/1.1\r\n") == true)
        #expect(try Ran(["invocations", "--retry", "1"], node: node).output == "waiting 1\n")
        #expect(node.requests.last?.hasPrefix("POST /v1/invocations/1/retry HTTP/1.1\r\n") == true)
        let resumed = try Ran(
            ["invocations", "--resume", "1", "--decision", "done", "--request", "/0.0#1"], node: node)
        #expect(resumed.output == "uncertain 1: 2 more\n")
        let target = "/v1/invocations/1/resume?decision=done&request=%2F0.0%231"
        #expect(node.requests.last?.hasPrefix("POST \(target) HTTP/1.1\r\n") == true)
        #expect(try Ran(["invocations", "--resume", "1"], node: node).status == 64)
    }

    @Test func schedules() throws {
        let one = #"{"name":"tidy","invoke":"clean","every":"10m","next":"then"}"#
        let node = try FakeNode([
            Self.reply(one, "201 Created"), Self.reply(#"{"schedules":[\#(one)]}"#), Self.reply("", "204 No Content"),
        ])
        let put = try Ran(
            ["schedule", "put", "tidy", "clean", "--cron", "0 6 * * mon", "--zone", "Europe/Zurich", "--text", "x"],
            node: node)
        #expect(put.status == 0 && put.output == "tidy runs next at then\n")
        let target = "/v1/schedules/tidy?invoke=clean&cron=0%206%20%2A%20%2A%20mon&zone=Europe%2FZurich"
        #expect(node.requests.last?.hasPrefix("PUT \(target) HTTP/1.1\r\n") == true)
        #expect(try Ran(["schedule", "list"], node: node).output == "tidy  clean  every 10m  then  \n")
        #expect(try Ran(["schedule", "delete", "tidy"], node: node).output == "removed tidy\n")
        #expect(try Ran(["schedule", "put", "tidy", "clean"], node: node).status == 64)
    }
}
