import Foundation
import Testing

@testable import Frontend

/// The description of the routes against the routes.
@Suite(.serialized) struct DescriptionTests {
    private typealias Object = [String: Any]

    private static var document: Object {
        let bytes = Data(PackageResources.openapi_json)
        return (try? JSONSerialization.jsonObject(with: bytes)) as? Object ?? [:]
    }
    private static var paths: [String: Object] { document["paths"] as? [String: Object] ?? [:] }

    /// A path of that form that names nothing.
    private func example(_ template: String) -> String {
        template.replacing("{name}", with: "none").replacing("{any}", with: "x")
            .replacing("{id}", with: "19ad6b9f3a41c07e").replacing("{digest}", with: "00")
    }

    private func route(_ path: String) -> Route? { Array(path.utf8).withUnsafeBytes { Route($0) } }

    @Test func everyRouteIsDescribed() {
        #expect(Self.paths.count >= Route.allCases.count)
        for route in Route.allCases { #expect(Self.paths["\(route.template)"] != nil, "\(route)") }
        for path in Self.paths.keys { #expect(route(example(path)) != nil, "\(path)") }
        #expect(Set(Self.paths.keys.compactMap { route(example($0)) }) == Set(Route.allCases))
    }

    /// What is described is served, other methods are refused with those in `Allow`, and parameters are known.
    @Test func methodsAndParametersAreTheRouters() throws {
        let server = try TestServer(recent: RecentInvocations())
        defer { server.stop() }
        let client = try server.connect()
        func ask(_ method: String, _ target: String) throws -> Client.Response {
            client.send("\(method) \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            return try #require(client.response(toHead: method == "HEAD"))
        }
        let open: Set = ["/", "/hot/{any}", "/cold/{any}"]
        for (template, item) in Self.paths {
            let path = example(template)
            let described = Set(item.keys.map { $0.uppercased() })
            // Nothing is reloaded or kept here, and there is no fleet.
            let others = [
                "/v1/plugins", "/v1/invocations", "/v1/schedules", "/v1/nodes", "/v1/contents", "/v1/payloads",
            ]
            let isThere = !others.contains { template.hasPrefix($0) }
            for method in ["GET", "PUT", "POST", "DELETE"] where isThere {
                let status = try ask(method, path).status
                if described.contains(method) || open.contains(template) {
                    #expect(status != 405, "\(method) \(template)")
                } else {
                    #expect(status == 405, "\(method) \(template)")
                }
            }
            for (method, operation) in item {
                let operation = try #require(operation as? Object)
                let parameters = operation["parameters"] as? [Object] ?? []
                for one in parameters where one["in"] as? String == "query" && isThere {
                    let name = try #require(one["name"] as? String)
                    let said = try ask(method.uppercased(), "\(path)?\(name)=")
                    #expect(!said.text.contains("no parameter"), "\(method) \(template) \(name): \(said.text)")
                }
                let inPath = parameters.filter { $0["in"] as? String == "path" }.compactMap { $0["name"] as? String }
                #expect(inPath.map { "{\($0)}" } == template.matches(of: /\{\w+\}/).map { String($0.output) })
            }
        }
    }

    /// Every reference leads somewhere, and no two operations have one name.
    @Test func theDocumentIsWhole() throws {
        var references: [String] = []
        var operations: [String] = []
        func walk(_ value: Any) {
            if let list = value as? [Any] { return list.forEach(walk) }
            for (key, inner) in value as? Object ?? [:] {
                if key == "$ref", let text = inner as? String { references.append(text) }
                if key == "operationId", let text = inner as? String { operations.append(text) }
                walk(inner)
            }
        }
        walk(Self.document)
        #expect(!operations.isEmpty && Set(operations).count == operations.count)
        for reference in Set(references) {
            var place: Any = Self.document
            for part in reference.dropFirst(2).split(separator: "/") {
                place = try #require((place as? Object)?[String(part)], "\(reference)")
            }
        }
    }

    @Test func itIsServed() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        client.send("GET /v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try #require(client.response())
        #expect(response.status == 200 && response.body == PackageResources.openapi_json)
    }
}

@Suite(.serialized) struct ConsoleTests {
    private func get(_ client: Client, _ path: String, _ method: String = "GET") throws -> Client.Response {
        client.send("\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        return try #require(client.response())
    }

    @Test func everyPartIsStrict() throws {
        let server = try TestServer(recent: RecentInvocations())
        defer { server.stop() }
        let client = try server.connect()
        for (path, type) in [
            ("/console", "text/html"), ("/console/console.js", "text/javascript"), ("/console/console.css", "text/css"),
        ] {
            let response = try get(client, path)
            #expect(response.status == 200 && response.head.contains("content-type: \(type)"))
            #expect(response.head.contains("content-security-policy: default-src 'none'; script-src 'self';"))
            #expect(response.head.contains("frame-ancestors 'none'") && response.head.contains("nosniff"))
            #expect(!response.text.contains("http://") || path.hasSuffix(".js"))
            #expect(!response.text.contains("style=") && !response.text.contains("<script>"))
        }
        #expect(try get(client, "/console/other").status == 404)
        #expect(try get(client, "/consoles").status == 404)
    }

    @Test func aNodeWithoutOneHasNone() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        for path in ["/console", "/console/console.js", "/v1/recent"] { #expect(try get(client, path).status == 404) }
    }

    @Test func theLatestInvocationsAreKept() throws {
        let server = try TestServer(recent: RecentInvocations())
        defer { server.stop() }
        let client = try server.connect()
        client.send("PUT /v1/functions/f?inputs=in&outputs=out HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\ne")
        #expect(client.response()?.status == 201)
        for number in 0..<3 {
            client.send(
                "POST /v1/invoke/f HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-Request-Id: r\(number)\r\n\r\nx")
            #expect(client.response()?.status == 200)
        }
        let read = try JSONSerialization.jsonObject(with: Data(get(client, "/v1/recent").body)) as? [String: Any]
        let all = read?["invocations"] as? [[String: Any]] ?? []
        #expect(all.map { $0["request_id"] as? String } == ["r2", "r1", "r0"])
        #expect(all.allSatisfy { $0["name"] as? String == "f" && $0["run_ms"] != nil })
    }

    /// However many come, few are noted, and those that are kept are the last.
    @Test func theRingTurns() {
        let recent = RecentInvocations()
        for number in 0..<250 { recent.add(Array("\(number)".utf8)) }
        #expect(recent.lines.map { String(decoding: $0, as: UTF8.self) } == (150..<250).reversed().map(String.init))
    }

    @Test func aCompositionTellsItsGraph() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        client.send("PUT /v1/functions/f?inputs=in&outputs=out HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\ne")
        #expect(client.response()?.status == 201)
        let text = "function f(in) => (out); composition C(a) => (b) { f(in = optional each a) => (b = out); }"
        client.send("PUT /v1/compositions/C HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
        let made = try #require(client.response())
        #expect(made.status == 201, "\(made.text)")
        let told = try get(client, "/v1/compositions/C").text
        #expect(
            told.contains(
                #""calls":[{"function":"f","inputs":[{"set":"a","sharding":"each","optional":true}],"outputs":["b"]}]"#),
            "\(told)")
    }
}
