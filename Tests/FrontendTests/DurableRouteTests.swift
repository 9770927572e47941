import CSQLite
import Config
import Foundation
import TestSupport
import Testing
import Values

@testable import Frontend

/// Invocations that outlive their requests, by the scripted backend's functions.
@Suite(.serialized) struct DurableRouteTests {
    private func settings(_ change: (inout DurableSettings) -> Void = { _ in }) -> DurableSettings {
        var settings = DurableSettings()
        settings.firstPause = 1_000_000
        settings.longestPause = 5_000_000
        settings.attempts = 3
        change(&settings)
        return settings
    }

    private func server(_ settings: DurableSettings? = nil, state: String? = nil) throws -> (TestServer, Client) {
        let server = try TestServer(durable: settings ?? self.settings(), state: state)
        let client = try server.connect()
        for letter in ["E", "S", "L", "F", "Z", "D"] {
            _ = client.send("PUT", "/v1/functions/\(letter)?inputs=a&outputs=x&timeout=20s", letter)
        }
        return (server, client)
    }

    private func document(_ reply: Client.Response?) throws -> ParsedValue {
        try JSONReader.read(try #require(reply).text)
    }

    /// Accepts one; gives its path.
    private func accept(
        _ client: Client, _ name: String, _ body: String, _ fields: [String] = []
    ) throws -> String {
        let reply = try #require(client.send("POST", "/v1/invoke/\(name)", body, ["Prefer: respond-async"] + fields))
        #expect(reply.status == 202 && reply.head.contains("\r\npreference-applied: respond-async"), "\(reply.head)")
        let path = try #require(reply.field("location"))
        #expect(path == "/v1/invocations/\(try document(reply)["id"]?.text ?? "")")
        return path
    }

    /// Who has one accepted after the other waits for one sync each time, not for that of the end of the last one too.
    @Test func anEndSharesTheSyncOfTheNextAccept() throws {
        let (server, client) = try server()
        defer { server.stop() }
        func commits() -> Int {
            let lines = (client.send("GET", "/metrics", "")?.text ?? "").split(separator: "\n")
            let line = lines.first { $0.hasPrefix("dandelion_durable_commits_total ") }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
        var fewest = Int.max
        for _ in 0..<5 where fewest > 30 {
            let before = commits()
            for _ in 0..<20 { _ = try accept(client, "E", "x") }
            fewest = min(fewest, commits() - before)
        }
        #expect(fewest <= 30, "\(fewest) commits for 20 invocations that were accepted one after the other")
        // Who comes to wait gets the end at once all the same.
        let path = try accept(client, "E", "y")
        #expect(try document(client.send("GET", path + "?wait=10s", ""))["state"]?.text == "done")
    }

    // MARK: Results

    @Test func aResultIsThereInEveryFormat() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let path = try accept(client, "E", "hello")
        let facts = try document(client.send("GET", path + "?wait=10s", ""))
        #expect(facts["state"]?.text == "done" && facts["name"]?.text == "E")
        #expect(facts["result"]?["sets"]?.elements.first?["items"]?.elements.first?["text"]?.text == "hello")
        #expect(facts["timeline"]?["sandboxes"]?.json == "1" && facts["attempts"]?.json == "1")
        let raw = client.send("GET", path, "", ["Accept: application/octet-stream"])
        #expect(raw?.text == "hello" && raw?.head.contains("server-timing") == true)
        #expect(client.send("GET", path, "", ["Accept: application/bson"])?.head.contains("application/bson") == true)
        #expect(client.send("GET", path, "", ["Accept: multipart/form-data"])?.text.contains("hello") == true)
        #expect(client.send("GET", path, "", ["Accept: text/html"])?.status == 406)
        // The preference may have company, another case, and a time to wait.
        let prefer = "Prefer: foo=\"a, b\"; x, RESPOND-ASYNC , wait=10"
        #expect(client.send("POST", "/v1/invoke/E", "quick", [prefer])?.text == "quick")
        #expect(client.send("POST", "/v1/invoke/S", "slow", ["Prefer: respond-async, wait=0"])?.status == 202)
    }

    @Test func whatCannotBeRunIsRefusedAtOnce() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let fields = ["Prefer: respond-async"]
        #expect(client.send("POST", "/v1/invoke/nothing", "a", fields)?.status == 404)
        let json = fields + ["Content-Type: application/json"]
        #expect(client.send("POST", "/v1/invoke/E", #"{"sets": [{"name": "b", "items": []}]}"#, json)?.status == 400)
        #expect(client.send("GET", "/v1/invocations/0000000000000001", "")?.status == 404)
        for path in ["x", "0193f2a8c1d40b7", "0193F2A8C1D40B7E", "0193f2a8c1d40b7e/other", "0193f2a8c1d40b7e/retry/x"] {
            #expect(client.send("GET", "/v1/invocations/\(path)", "")?.status == 404, "\(path)")
        }
        let path = try accept(client, "E", "a")
        for query in ["wait=1", "wait=2h", "wait=x", "time=1s"] {
            #expect(client.send("GET", "\(path)?\(query)", "")?.status == 400, "\(query)")
        }
        for query in ["state=over", "after=1", "limit=0"] {
            #expect(client.send("GET", "/v1/invocations?\(query)", "")?.status == 400, "\(query)")
        }
        #expect(client.send("PUT", path, "")?.status == 405)
    }

    @Test func aNodeWithoutThemSaysSo() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E")?.status == 201)
        // A preference may be passed over, a promise must not.
        #expect(client.send("POST", "/v1/invoke/E", "a", ["Prefer: respond-async"])?.text == "a")
        #expect(client.send("POST", "/v1/invoke/E", "a", ["Idempotency-Key: k"])?.status == 503)
        #expect(client.send("GET", "/v1/invocations", "")?.status == 503)
    }

    // MARK: Ends

    @Test func aFunctionsOwnFaultIsFinal() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let path = try accept(client, "F", "a")
        let facts = try document(client.send("GET", path + "?wait=10s", ""))
        #expect(facts["state"]?.text == "failed" && facts["attempts"]?.json == "1")
        #expect(facts["error"]?["status"]?.json == "422" && facts["error"]?["detail"]?.text?.isEmpty == false)
        // As the result, it is what the request would have got.
        #expect(client.send("GET", path, "", ["Accept: application/octet-stream"])?.status == 200)
        #expect(client.send("POST", "/v1/invoke/F", "a", ["Idempotency-Key: f"])?.status == 422)
    }

    @Test func whatAnotherAttemptMayNotMeetIsTriedAgainAndThenADeadLetter() throws {
        let (server, client) = try server()
        defer { server.stop() }
        // Its engine dies whenever it runs.
        let path = try accept(client, "Z", "a")
        let facts = try document(client.send("GET", path + "?wait=20s", ""))
        #expect(facts["state"]?.text == "dead" && facts["attempts"]?.json == "3", "\(facts.json)")
        let list = try document(client.send("GET", "/v1/invocations?state=dead", ""))
        #expect(list["invocations"]?.elements.map { $0["id"]?.text } == [facts["id"]?.text])
        #expect(client.send("POST", path + "/retry", "")?.status == 202)
        let again = try document(client.send("GET", path + "?wait=20s", ""))
        #expect(again["state"]?.text == "dead" && again["attempts"]?.json == "3")
        let done = try accept(client, "E", "a")
        _ = client.send("GET", done + "?wait=10s", "")
        #expect(client.send("POST", done + "/retry", "")?.status == 409)
    }

    @Test func cancelling() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let running = try accept(client, "L", "a")
        let waiting = try (0..<3).map { _ in try accept(client, "L", "b") }
        for path in waiting + [running] {
            #expect(client.send("DELETE", path, "")?.status == 204)
            #expect(try document(client.send("GET", path, ""))["state"]?.text == "cancelled")
            #expect(client.send("DELETE", path, "")?.status == 409)
        }
        // The engine is free again.
        #expect(client.send("POST", "/v1/invoke/E", "next")?.text == "next")
        let after = try accept(client, "E", "after")
        #expect(try document(client.send("GET", after + "?wait=10s", ""))["state"]?.text == "done")
    }

    @Test func listsComeInPagesTheLatestFirst() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let paths = try (0..<7).map { try accept(client, $0 % 2 == 0 ? "E" : "S", "\($0)") }
        let ids = paths.map { String($0.suffix(16)) }
        for path in paths { _ = client.send("GET", path + "?wait=10s", "") }
        var seen: [String] = []
        var after = ""
        repeat {
            let page = try document(client.send("GET", "/v1/invocations?limit=3" + after, ""))
            seen += (page["invocations"]?.elements ?? []).compactMap { $0["id"]?.text }
            after = page["next"]?.text.map { "&after=\($0)" } ?? ""
        } while after != ""
        #expect(seen == ids.reversed())
        let some = try document(client.send("GET", "/v1/invocations?name=S&state=done", ""))
        #expect(some["invocations"]?.elements.compactMap { $0["id"]?.text } == [ids[5], ids[3], ids[1]])
    }

    @Test func otherTenantsSeeNothing() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let path = try accept(client, "E", "a", ["Dandelion-Tenant: alice"])
        let (alice, bob) = (["Dandelion-Tenant: alice"], ["Dandelion-Tenant: bob"])
        #expect(try document(client.send("GET", path + "?wait=10s", "", alice))["state"]?.text == "done")
        for fields in [bob, []] {
            #expect(client.send("GET", path, "", fields)?.status == 404)
            #expect(client.send("DELETE", path, "", fields)?.status == 404)
            #expect(client.send("POST", path + "/retry", "", fields)?.status == 404)
            #expect(
                try document(client.send("GET", "/v1/invocations", "", fields))["invocations"]?.elements.isEmpty == true
            )
        }
        // Nor do keys of one mean anything for another.
        let key = ["Idempotency-Key: k"]
        #expect(client.send("POST", "/v1/invoke/E", "1", key + alice)?.text == "1")
        #expect(client.send("POST", "/v1/invoke/E", "2", key + bob)?.text == "2")
    }

    // MARK: Keys

    @Test func aKeyMakesTwoRequestsOne() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let key = ["Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\""]
        let first = try #require(client.send("POST", "/v1/invoke/S", "body", key))
        #expect(first.status == 200 && first.text == "body" && first.field("location") != nil, "\(first.head)")
        let again = try #require(client.send("POST", "/v1/invoke/S", "body", key))
        #expect(again.text == "body" && again.field("location") == first.field("location"))
        let later = try accept(client, "S", "body", key)
        #expect(later == first.field("location"))
        for (name, body, type) in [
            ("S", "other", ""), ("E", "body", ""), ("S", "body", "Content-Type: application/bson"),
        ] {
            let reply = client.send("POST", "/v1/invoke/\(name)", body, key + (type.isEmpty ? [] : [type]))
            #expect(reply?.status == (type.isEmpty ? 422 : 400), "\(name) \(body)")
        }
        #expect(client.send("POST", "/v1/invoke/S?fresh=true", "body", key)?.status == 422)
        let list = try document(client.send("GET", "/v1/invocations", ""))
        #expect(list["invocations"]?.elements.count == 1)
        // The same content in a form with another boundary is the same; in JSON it is not.
        let form = ["Idempotency-Key: form"]
        for boundary in ["one", "two"] {
            let body =
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"a\"; filename=\"i\"\r\n\r\nx\r\n--\(boundary)--\r\n"
            let type = ["Content-Type: multipart/form-data; boundary=\(boundary)"]
            #expect(client.send("POST", "/v1/invoke/E", body, form + type)?.text == "x")
        }
        let json = form + ["Content-Type: application/json"]
        let sets = #"{"sets": [{"name": "a", "items": [{"ident": "i", "text": "x"}]}]}"#
        #expect(client.send("POST", "/v1/invoke/E", sets, json)?.status == 422)
        #expect(try document(client.send("GET", "/v1/invocations", ""))["invocations"]?.elements.count == 2)
    }

    @Test func keysAtOnceAreOneInvocation() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let others = try (0..<6).map { _ in try server.connect() }
        for other in others {
            other.send("POST /v1/invoke/S HTTP/1.1\r\nHost: n\r\nIdempotency-Key: same\r\nContent-Length: 1\r\n\r\nx")
        }
        let replies = others.map { $0.response() }
        #expect(Set(replies.map { $0?.field("location") }).count == 1 && replies.allSatisfy { $0?.text == "x" })
        #expect(try document(client.send("GET", "/v1/invocations", ""))["invocations"]?.elements.count == 1)
    }

    @Test func whatIsNoKey() throws {
        let (server, client) = try server()
        defer { server.stop() }
        for key in ["", "\"\"", "a b", "a,b", "\"a", String(repeating: "k", count: 256), "k\r\nIdempotency-Key: k"] {
            #expect(client.send("POST", "/v1/invoke/E", "a", ["Idempotency-Key: \(key)"])?.status == 400, "\(key)")
        }
        #expect(
            client.send("POST", "/v1/invoke/E", "a", ["Idempotency-Key: \(String(repeating: "k", count: 255))"])?.status
                == 200)
    }

    // MARK: Bounds

    @Test func roomIsBounded() throws {
        let (server, client) = try server(
            settings {
                $0.maxOpen = 3
                $0.maxSize = 1 << 20
                $0.maxPayload = 300_000
            })
        defer { server.stop() }
        let large = String(repeating: "x", count: 400_000)
        #expect(client.send("POST", "/v1/invoke/E", large, ["Prefer: respond-async"])?.status == 413)
        let open = try (0..<3).map { _ in try accept(client, "L", "a") }
        #expect(client.send("POST", "/v1/invoke/E", "a", ["Prefer: respond-async"])?.status == 429)
        for path in open { #expect(client.send("DELETE", path, "")?.status == 204) }
        // Half of the room is a tenant's; inputs of what was cancelled stay until there is too little.
        let part = String(repeating: "x", count: 200_000)
        var statuses: [Int] = []
        for _ in 0..<4 {
            let reply = client.send("POST", "/v1/invoke/E", part, ["Prefer: respond-async"])
            statuses.append(reply?.status ?? 0)
            if let path = reply?.field("location") { _ = client.send("GET", path + "?wait=10s", "") }
        }
        #expect(statuses == [202, 202, 507, 507])
    }

    @Test func resultsAreNotKeptForEver() throws {
        let (server, client) = try server(settings { $0.keep = 1 })
        defer { server.stop() }
        let path = try accept(client, "E", "a")
        var status = 200
        for _ in 0..<1000 where status != 404 {
            status = client.send("GET", path, "")?.status ?? 0
            usleep(10_000)
        }
        #expect(status == 404)
    }

    // MARK: Restarts

    @Test func whatWasAcceptedOutlivesTheNode() throws {
        let state = Temporary.folder + "/durable-tests-\(UUID())"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        defer { Temporary.remove(state) }
        let (first, client) = try server(settings { $0.running = 2 }, state: state)
        let done = try accept(client, "E", "done")
        _ = client.send("GET", done + "?wait=10s", "")
        // Two run and do not end; the others wait behind them.
        let endless = try (0..<2).map { _ in try accept(client, "L", "x") }
        let waiting = try (0..<20).map { try accept(client, "E", "\($0)") }
        #expect(try document(client.send("GET", waiting[19], ""))["state"]?.text == "waiting")
        #expect(try document(client.send("GET", endless[0], ""))["state"]?.text == "running")
        // Who waits is told when the node stops.
        let watcher = try first.connect()
        watcher.send("GET \(waiting[0])?wait=1h HTTP/1.1\r\nHost: n\r\n\r\n")
        for _ in 0..<3 { #expect(client.send("GET", waiting[0], "")?.status == 200) }
        first.stop()
        #expect(watcher.response()?.status == 200)
        let (second, other) = try server(state: state)
        defer { second.stop() }
        #expect(other.send("GET", done, "", ["Accept: application/octet-stream"])?.text == "done")
        for path in endless { #expect(other.send("DELETE", path, "")?.status == 204) }
        for (index, path) in waiting.enumerated() {
            let raw = other.send("GET", path + "?wait=20s", "", ["Accept: application/octet-stream"])
            #expect(raw?.text == "\(index)", "\(raw?.text ?? "")")
        }
    }

    // MARK: Schedules

    @Test func schedulesRunWithoutACaller() throws {
        let (server, client) = try server()
        defer { server.stop() }
        let path = "/v1/schedules/beat"
        #expect(client.send("PUT", path + "?invoke=E&every=1s", "tick")?.status == 201)
        let again = try document(client.send("PUT", path + "?invoke=E&every=1s&missed=once", "tock"))
        #expect(
            again["every"]?.text == "1s" && again["missed"]?.text == "once"
                && again["next"]?.text?.hasSuffix("Z") == true)
        var id: String?
        for _ in 0..<1000 where id == nil {
            id = try document(client.send("GET", path, ""))["lastInvocation"]?.text
            usleep(10_000)
        }
        let facts = try document(client.send("GET", "/v1/invocations/\(try #require(id))?wait=10s", ""))
        #expect(facts["state"]?.text == "done" && facts["schedule"]?.text == "beat")
        #expect(facts["result"]?.json.contains("tock") == true)
        let list = try document(client.send("GET", "/v1/schedules", ""))
        #expect(list["schedules"]?.elements.compactMap { $0["name"]?.text } == ["beat"])
        let others = try document(client.send("GET", "/v1/schedules", "", ["Dandelion-Tenant: bob"]))
        #expect(others["schedules"]?.elements.isEmpty == true)
        #expect(client.send("DELETE", path, "", ["Dandelion-Tenant: bob"])?.status == 404)
        #expect(client.send("DELETE", path, "")?.status == 204 && client.send("GET", path, "")?.status == 404)
        for query in [
            "every=1s", "invoke=E", "invoke=E&every=1s&cron=*+*+*+*+*", "invoke=E&every=x", "invoke=E&cron=61+*+*+*+*",
            "invoke=E&cron=*+*+*+*+*&zone=Nowhere", "invoke=E&every=1s&missed=twice", "invoke=E&every=1s&when=now",
        ] { #expect(client.send("PUT", path + "?" + query, "")?.status == 400, "\(query)") }
        #expect(client.send("PUT", path + "?invoke=nothing&every=1s", "")?.status == 404)
    }

    /// What should have run while there was no node does so once, or not at all.
    @Test func schedulesThatWereMissed() throws {
        let state = Temporary.folder + "/durable-tests-\(UUID())"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        defer { Temporary.remove(state) }
        let (first, client) = try server(state: state)
        for missed in ["once", "skip"] {
            let query = "invoke=E&cron=0+0+1+1+*&missed=\(missed)"
            #expect(client.send("PUT", "/v1/schedules/\(missed)?\(query)", missed)?.status == 201)
        }
        first.stop()
        // An hour ago, as if the node had slept since.
        var database: OpaquePointer?
        #expect(sqlite3_open(state + "/durable.sqlite", &database) == SQLITE_OK)
        let past = (Int64(Date().timeIntervalSince1970) - 3600) * 1_000_000_000
        #expect(sqlite3_exec(database, "UPDATE schedules SET next = \(past)", nil, nil, nil) == SQLITE_OK)
        sqlite3_close(database)
        let (second, other) = try server(state: state)
        defer { second.stop() }
        var next = ""
        for _ in 0..<1000 where !next.contains("-01-01T") {
            next = try document(other.send("GET", "/v1/schedules/skip", ""))["next"]?.text ?? ""
            usleep(10_000)
        }
        #expect(next.hasSuffix("-01-01T00:00:00.000Z"))
        let once = try document(other.send("GET", "/v1/schedules/once", ""))
        #expect(once["next"]?.text == next && once["lastInvocation"] != nil)
        let list = try document(other.send("GET", "/v1/invocations", ""))
        #expect(list["invocations"]?.elements.compactMap { $0["schedule"]?.text } == ["once"])
    }

    @Test func aDamagedStoreIsSetAside() throws {
        let state = Temporary.folder + "/durable-tests-\(UUID())"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        defer { Temporary.remove(state) }
        try Data([UInt8](repeating: 7, count: 8192)).write(to: URL(fileURLWithPath: state + "/durable.sqlite"))
        let (server, client) = try server(state: state)
        defer { server.stop() }
        let path = try accept(client, "E", "a")
        #expect(try document(client.send("GET", path + "?wait=10s", ""))["state"]?.text == "done")
        let names = try FileManager.default.contentsOfDirectory(atPath: state)
        #expect(names.contains { $0.hasPrefix("durable.sqlite.damaged-") }, "\(names)")
    }
}

extension Client.Response {
    /// The value of a field, whose name is given in lower case.
    func field(_ name: String) -> String? {
        head.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }
}

extension Client {
    fileprivate func send(_ method: String, _ path: String, _ body: String, _ fields: [String]) -> Response? {
        send(method, path, body, fields.map { $0 + "\r\n" }.joined())
    }
}
