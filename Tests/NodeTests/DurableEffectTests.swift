import Foundation
import Testing

/// What a durable invocation asks of others, when the node dies meanwhile.
@Suite(.serialized) struct DurableEffectTests {
    private func facts(_ reply: RunningNode.Reply) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]) ?? [:]
    }

    private func accept(_ node: RunningNode, _ name: String, _ body: String, json: Bool = false) throws -> String {
        let fields = ["Prefer: respond-async"] + (json ? ["Content-Type: application/json"] : [])
        let reply = node.request("POST", "/v1/invoke/\(name)", Array(body.utf8), headers: fields)
        #expect(reply.status == 202, "\(reply.status) \(reply.text)")
        return "/v1/invocations/" + (try #require(facts(reply)["id"] as? String))
    }

    private func sets(_ sets: [(String, String)]) throws -> String {
        let list = sets.map { ["name": $0.0, "items": [["ident": "i", "text": $0.1]]] as [String: Any] }
        return String(decoding: try JSONSerialization.data(withJSONObject: ["sets": list]), as: UTF8.self)
    }

    /// Ends the node at once and starts another on its state.
    private func restarted(_ node: RunningNode) throws -> RunningNode {
        _ = node.stop(SIGKILL)
        return try RunningNode(state: node.state)
    }

    /// Whether the store has made so many changes.
    private func hasChanged(_ node: RunningNode, _ count: Int) -> Bool {
        for _ in 0..<1000 {
            let line = node.request("GET", "/metrics").text.split(separator: "\n")
                .first { $0.hasPrefix("dandelion_durable_changes_total ") }
            if let number = line?.split(separator: " ").last.flatMap({ Int($0) }), number >= count { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func whatWasAnsweredIsNotAskedAgain() throws {
        let server = try CountingServer()
        defer { server.stop() }
        let first = try RunningNode()
        defer { withExtendedLifetime(first) {} }
        let text = """
            function HTTP(request) => (response, body);
            composition Two(a, b) => (x, y) {
                HTTP(request = each a) => (x = body);
                HTTP(request = each b) => (y = body);
            }
            """
        #expect(first.request("PUT", "/v1/compositions/Two", Array(text.utf8)).status == 201)
        let body = try sets([("a", server.request("POST /order")), ("b", server.request("GET /hold"))])
        let path = try accept(first, "Two", body, json: true)
        #expect(server.wait(for: "POST /order") && server.wait(for: "GET /hold"))
        // Accepted; about to be sent; answered.
        #expect(hasChanged(first, 3))
        server.release()
        let second = try restarted(first)
        let end = facts(second.request("GET", path + "?wait=30s"))
        #expect(end["state"] as? String == "done", "\(end)")
        #expect(end["attempts"] as? Int == 2)
        #expect("\(end["result"] ?? "")".contains("/order") && "\(end["result"] ?? "")".contains("/hold"))
        #expect(server.count("POST /order") == 1 && server.count("GET /hold") == 2)
        #expect(second.stop() == 0)
    }

    @Test func whatMayHaveHadItsEffectIsForSomebodyToDecide() throws {
        let server = try CountingServer()
        defer { server.stop() }
        let first = try RunningNode()
        defer { withExtendedLifetime(first) {} }
        let again = try accept(first, "HTTP", server.request("POST /hold/again"))
        let happened = try accept(first, "HTTP", server.request("POST /hold/happened"))
        let safe = try accept(first, "HTTP", server.request("PUT /hold/safe"))
        for line in ["POST /hold/again", "POST /hold/happened", "PUT /hold/safe"] { #expect(server.wait(for: line)) }
        server.release()
        let node = try restarted(first)
        // What its protocol lets be repeated is.
        #expect(facts(node.request("GET", safe + "?wait=30s"))["state"] as? String == "done")
        #expect(server.count("PUT /hold/safe") == 2)
        for path in [again, happened] {
            let end = facts(node.request("GET", path + "?wait=30s"))
            #expect(end["state"] as? String == "uncertain", "\(end)")
            let undecided = end["undecided"] as? [[String: Any]] ?? []
            #expect(undecided.map { $0["request"] as? String } == ["#0"])
            #expect(undecided.first?["function"] as? String == "HTTP")
            #expect(node.request("POST", path + "/retry").status == 409)
        }
        let list = facts(node.request("GET", "/v1/invocations?state=uncertain"))["invocations"] as? [Any]
        #expect(list?.count == 2)
        #expect(node.request("POST", again + "/resume").status == 400)
        #expect(node.request("POST", again + "/resume?decision=repeat&request=%231").status == 409)
        #expect(node.request("POST", again + "/resume?decision=repeat&request=%230").status == 202)
        #expect(facts(node.request("GET", again + "?wait=30s"))["state"] as? String == "done")
        #expect(server.count("POST /hold/again") == 2)
        let answer = Array(try sets([("response", "HTTP/1.1 201 Created"), ("body", "I know")]).utf8)
        let json = ["Content-Type: application/json"]
        #expect(node.request("POST", happened + "/resume?decision=done", answer, headers: json).status == 202)
        let end = facts(node.request("GET", happened + "?wait=30s"))
        #expect(end["state"] as? String == "done" && "\(end["result"] ?? "")".contains("I know"), "\(end)")
        #expect(server.count("POST /hold/happened") == 1)
        #expect(node.request("POST", happened + "/resume?decision=done").status == 409)
        #expect(node.stop() == 0)
    }

    /// The same without a crash: what was sent and not answered is not sent again, what was not sent is.
    @Test func aBrokenConnection() throws {
        let server = try CountingServer()
        let node = try RunningNode()
        let broken = try accept(node, "HTTP", server.request("POST /break"))
        #expect(facts(node.request("GET", broken + "?wait=30s"))["state"] as? String == "uncertain")
        #expect(server.count("POST /break") == 1)
        #expect(node.request("DELETE", broken).status == 204)
        #expect(facts(node.request("GET", broken))["state"] as? String == "cancelled")
        // What the function wrote is no request: its own fault.
        let wrong = try accept(node, "HTTP", "no request")
        #expect(facts(node.request("GET", wrong + "?wait=30s"))["state"] as? String == "failed")
        server.stop()
        let nobody = try accept(node, "HTTP", server.request("POST /x"))
        for _ in 0..<500 {
            let now = facts(node.request("GET", nobody))
            if now["attempts"] as? Int ?? 0 >= 2 { break }
            usleep(20_000)
        }
        let now = facts(node.request("GET", nobody))
        #expect(now["attempts"] as? Int ?? 0 >= 2 && now["state"] as? String != "uncertain", "\(now)")
        #expect(node.stop() == 0)
    }
}
