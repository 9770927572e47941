import Config
import Foundation
import Identity
import TestSupport
import Testing

@testable import Frontend

/// Who gets through listeners that do not serve everything to everybody.
@Suite(.serialized) struct GateTests {
    /// Every route with every method that clients know.
    private static let requests: [(method: String, path: String)] = {
        let paths = [
            "/", "/healthz", "/readyz", "/metrics", "/stats", "/hot/x", "/cold/x", "/register/function",
            "/register/composition", "/v1/functions", "/v1/functions/E", "/v1/compositions", "/v1/compositions/c",
            "/v1/invoke/E", "/v1/plugins", "/v1/plugins/p/reload",
        ]
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"]
        return paths.flatMap { path in methods.map { ($0, path) } }
    }()

    private static func need(_ method: String, _ path: String) throws -> Route.Need {
        try path.withBytes { path in
            try method.withBytes { method in try #require(Route(path)).need(Method(method)) }
        }
    }

    private struct Rig {
        let server: TestServer
        let folder: TokenFolder
        let authenticator: Authenticator

        func token(_ roles: Roles, tenant: String = "alice", lifetime: Int64? = nil) throws -> String {
            let made = try folder.make(
                tenant: tenant, roles: roles, now: Int64(Date().timeIntervalSince1970), lifetime: lifetime, note: "")
            authenticator.reload()
            return made.text
        }
    }

    private func with(
        serves: ServedParts = .all, authenticates: Bool = true, access: AccessSettings = AccessSettings(),
        _ body: (Rig) throws -> Void
    ) throws {
        let state = "\(Temporary.folder)/gate-\(UUID())"
        defer { Temporary.remove(state) }
        let folder = try TokenFolder(state: state)
        let authenticator = try Authenticator(AuthenticationSettings(), folder)
        let local = ListenPlace.address(ListenAddress(host: "127.0.0.1", port: 0))
        let server = try TestServer(
            access: access, listeners: [ListenerSettings(local, serves: serves, authenticates: authenticates)],
            authenticator: authenticator)
        defer { server.stop() }
        try body(Rig(server: server, folder: folder, authenticator: authenticator))
    }

    @Test func whoShowsNothingGetsNothing() throws {
        try with { rig in
            for (method, path) in Self.requests {
                let status = try rig.server.connect().send(method, path, "")?.status ?? 0
                if try Self.need(method, path).role == nil {
                    #expect(status != 401, "\(method) \(path)")
                } else {
                    #expect(status == 401, "\(method) \(path): \(status)")
                }
            }
            let client = try rig.server.connect()
            #expect(client.send("GET", "/v1/functions", "")?.head.contains("www-authenticate: Bearer") == true)
            // The connection goes on, but for a request with a body.
            #expect(client.send("GET", "/healthz", "")?.status == 200)
            #expect(
                client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E")?.head.contains("connection: close")
                    == true)
        }
    }

    /// Each role opens what the table says, and nothing else.
    @Test(arguments: [Roles.invoke, .register, .read, .administer]) func rolesOpenTheirRoutesOnly(_ role: Roles) throws
    {
        try with { rig in
            let field = "Authorization: Bearer \(try rig.token(role))\r\n"
            for (method, path) in Self.requests {
                let status = try rig.server.connect().send(method, path, "", field)?.status ?? 0
                let wanted = try Self.need(method, path).role
                let isOpen = wanted == nil || wanted == role
                #expect((status == 403) != isOpen && status != 401, "\(method) \(path) with \(role.list): \(status)")
            }
        }
    }

    @Test(arguments: [ServedParts.invoke, .register, .watch]) func listenersServeTheirPartsOnly(_ part: ServedParts)
        throws
    {
        try with(serves: part, authenticates: false) { rig in
            for (method, path) in Self.requests where method != "HEAD" {
                let reply = try rig.server.connect().send(method, path, "")
                let isServed = try !Self.need(method, path).part.isDisjoint(with: part)
                let isUnknown = reply?.status == 404 && reply?.text.contains("nothing is at this path") == true
                // There are no plugins in this server, whose routes are then none.
                if !path.hasPrefix("/v1/plugins") || !isServed {
                    #expect(isUnknown != isServed, "\(method) \(path): \(reply?.status ?? 0)")
                }
            }
        }
    }

    @Test func tokensThatAreNotBelieved() throws {
        try with { rig in
            let good = try rig.token(.read)
            let old = try rig.token(.read, lifetime: 0)
            func status(_ fields: String) throws -> Int? {
                try rig.server.connect().send("GET", "/v1/functions", "", fields)?.status
            }
            #expect(try status("Authorization: Bearer \(good)\r\n") == 200)
            #expect(try status("authorization: bearer \(good)\r\n") == 200)
            for fields in [
                "Bearer \(old)", "Bearer \(good)x", "Bearer \(good.dropLast())", "Bearer", "Bearer ", good,
                "Basic \(good)",
                "Bearer  \(good)", "Bearer \(good.uppercased())", "Bearer \(good), Bearer \(good)", "",
                "Bearer \(good)\r\nAuthorization: Bearer \(good)",
                "Bearer eyJhbGciOiJub25lIn0.eyJ0ZW5hbnQiOiJhIn0.",
            ] {
                #expect(try status("Authorization: \(fields)\r\n") == 401, "\(fields)")
            }
            #expect(try status("X-Authorization: Bearer \(good)\r\n") == 401)
        }
    }

    /// Who somebody is, is asked for every request of a connection.
    @Test func nobodyInheritsAConnection() throws {
        try with { rig in
            let client = try rig.server.connect()
            let field = "Authorization: Bearer \(try rig.token(.read))\r\n"
            #expect(client.send("GET", "/v1/functions", "", field)?.status == 200)
            #expect(client.send("GET", "/v1/functions", "")?.status == 401)
            #expect(client.send("GET", "/v1/functions", "", field)?.status == 200)
        }
    }

    @Test func revokedTokensEndAtOnce() throws {
        try with { rig in
            let client = try rig.server.connect()
            let field = "Authorization: Bearer \(try rig.token(.read))\r\n"
            #expect(client.send("GET", "/v1/functions", "", field)?.status == 200)
            for token in try rig.folder.all() { try rig.folder.revoke(token.number) }
            rig.authenticator.reload()
            #expect(client.send("GET", "/v1/functions", "", field)?.status == 401)
        }
    }

    @Test func nobodySpeaksForAnother() throws {
        try with { rig in
            let field = "Authorization: Bearer \(try rig.token([.read, .invoke, .register]))\r\n"
            for (named, status) in [("alice", 200), ("bob", 403), ("default", 403), ("", 403), ("alice,bob", 403)] {
                let reply = try rig.server.connect().send(
                    "GET", "/v1/functions", "", field + "Dandelion-Tenant: \(named)\r\n")
                #expect(reply?.status == status, "\(named)")
            }
            let twice = try rig.server.connect().send(
                "GET", "/v1/functions", "", field + "Dandelion-Tenant: alice\r\nDandelion-Tenant: bob\r\n")
            #expect(twice?.status == 400)
        }
    }

    /// Before a body is read.
    @Test func bodiesOfStrangersAreNotRead() throws {
        try with { rig in
            let client = try rig.server.connect()
            client.send("PUT /v1/functions/E HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            #expect(client.response()?.status == 401)
        }
    }

    /// A browser that may come shows nothing when it asks first, and gets nothing but that answer.
    @Test func listedPagesMayAsk() throws {
        try with(access: AccessSettings(origins: ["https://app.example"])) { rig in
            let asking = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
            let other = asking.replacing("app.", with: "evil.")
            for path in ["/v1/functions", "/hot/x", "/v1/invoke/E", "/metrics"] {
                let statuses = try [("OPTIONS", asking), ("POST", asking), ("OPTIONS", other)].map { method, fields in
                    try rig.server.connect().send(method, path, "", fields)?.status
                }
                #expect(statuses == [204, 401, 401], "\(path)")
            }
        }
    }

    // MARK: The table in the documentation

    /// The rows of Docs/http-api.md, "What a request needs", are what the code decides.
    @Test func theDocumentedTableIsTheCodes() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Docs/http-api.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let section = try #require(text.split(separator: "## What a request needs").dropFirst().first)
        let table = section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        var seen: Set<Route> = []
        for row in table {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(cells.count == 4, "\(row)")
            let methods = cells[1] == "any" ? ["GET", "POST", "PURGE"] : cells[1].components(separatedBy: ", ")
            for path in cells[0].components(separatedBy: ", ") {
                let path = path.replacing("`", with: "").replacing("NAME", with: "E").replacing("…", with: "x")
                let route = try #require(path.withBytes { Route($0) }, "\(path)")
                seen.insert(route)
                for method in methods {
                    let need = try Self.need(method, path)
                    let part =
                        need.part == .all
                        ? "all" : need.part == .invoke ? "invoke" : need.part == .watch ? "watch" : "register"
                    #expect(cells[2] == part, "\(method) \(path)")
                    #expect(cells[3] == need.role?.list.joined() ?? "anybody", "\(method) \(path)")
                }
            }
        }
        #expect(seen == Set(Route.allCases))
    }
}
