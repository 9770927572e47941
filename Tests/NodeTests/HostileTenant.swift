import Foundation
import PluginHarness

/// A tenant of a node, with a token of its own, that has registered a function which gives away what nobody else may see.
struct HostileTenant {
    let name: String
    let node: RunningNode
    private let token: String
    var marker: String { "marker-of-\(name)-\(name.count)" }
    /// Names that only this tenant has.
    var own: String { "Own\(name)" }
    var twice: String { "Twice\(name)" }

    init(_ name: String, on node: RunningNode) throws {
        (self.name, self.node) = (name, node)
        token = try node.command(["token", "make", "--tenant", name, "--roles", "invoke,register,read"])
        // The node sees it in its folder.
        while send("GET", "/v1/functions").status == 401 { usleep(5000) }
    }

    var authorization: String { "Authorization: Bearer \(token)" }

    func send(_ method: String, _ path: String, _ body: [UInt8] = [], _ headers: [String] = []) -> RunningNode.Reply {
        node.request(method, path, body, headers: [authorization] + headers)
    }

    /// - Returns: the statuses.
    func register() throws -> [Int] {
        func part(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
            Array("--f\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"x\"\r\n\r\n".utf8) + bytes + [
                13, 10,
            ]
        }
        let image = try GuestCompiler.image("echo_sets")
        let body = part("image", image) + part("cfg", Array(marker.utf8)) + Array("--f--\r\n".utf8)
        let text =
            "function \(own)(cfg) => (out);\ncomposition \(twice)() => (y) { \(own)() => (y = out); }"
        return [
            send(
                "PUT", "/v1/functions/\(own)?inputs=cfg&outputs=out&memory=1MiB", body,
                ["Content-Type: multipart/form-data; boundary=f"]
            ).status, send("PUT", "/v1/compositions/\(twice)", Array(text.utf8)).status,
            send(
                "PUT", "/v1/functions/loop?inputs=in&outputs=out&memory=1MiB&timeout=300ms",
                try GuestCompiler.image("loop")
            )
            .status,
        ]
    }

    /// Whether all that it registered is there and as it was.
    var isWhole: Bool {
        [own, twice].allSatisfy { name in
            let reply = send("POST", "/v1/invoke/\(name)")
            return reply.status == 200 && reply.text == marker
        }
    }
}

/// Something that a tenant tries at another's cost.
struct HostileAttempt {
    let name: String
    let method: String
    let path: String
    var body: [UInt8] = []
    var headers: [String] = []
    /// Shown in the place of the attacker's own.
    var authorization: String?

    /// Asks for a list, which everybody has of what is their own.
    var listsOwn: Bool {
        let collection = path.prefix { $0 != "?" }
        return ["GET", "HEAD"].contains(method) && authorization == nil
            && ["functions", "compositions", "invocations", "schedules", "aliases"].map { "/v1/\($0)" }
                .contains(String(collection))
    }
}

extension HostileAttempt {
    /// Every route, spelling, header and format by which `victim` can be named.
    static func all(on victim: HostileTenant) -> [HostileAttempt] {
        paths(victim) + headers(victim) + documents(victim) + impersonations(victim) + administration
    }

    private static func paths(_ victim: HostileTenant) -> [HostileAttempt] {
        let spellings = [victim.own, victim.twice].flatMap { name in
            let encoded = name.utf8.map { "%" + String($0, radix: 16) }.joined()
            return [
                name, encoded, "\(victim.name)/\(name)", "\(victim.name)%2F\(name)", "%2E%2E%2F\(name)", "./\(name)",
                "\(name)/",
                "\(name)%00", "\(victim.name)%0A\(name)", "\(name)?tenant=\(victim.name)",
                "\(name)?space=\(victim.name)",
            ]
        }
        let routes = [
            ("GET", "functions"), ("DELETE", "functions"), ("GET", "compositions"), ("DELETE", "compositions"),
            ("POST", "invoke"), ("HEAD", "functions"),
        ]
        let plain = spellings.flatMap { spelling in
            routes.map { HostileAttempt(name: "path", method: $0.0, path: "/v1/\($0.1)/\(spelling)") }
        }
        let queries = ["?fresh=true", "?class=default", "?class=DEFAULT&fresh=true", "?async=true"].map {
            HostileAttempt(name: "query", method: "POST", path: "/v1/invoke/\(victim.own)\($0)")
        }
        let lists = ["functions", "compositions", "invocations"].flatMap { collection in
            ["", "?limit=1", "?after=Ow", "?after=\(victim.own)", "?name=\(victim.own)"].map {
                HostileAttempt(name: "list", method: "GET", path: "/v1/\(collection)\($0)")
            }
        }
        // Nearly the name, for which the node makes suggestions.
        let guesses = [victim.own + "x", String(victim.own.dropLast()), victim.own.lowercased()].map {
            HostileAttempt(name: "guess", method: "POST", path: "/v1/invoke/\($0)")
        }
        return plain + queries + lists + guesses
    }

    private static func headers(_ victim: HostileTenant) -> [HostileAttempt] {
        let names = [
            "Dandelion-Tenant", "dandelion-tenant", "X-Dandelion-Tenant", "X-Tenant", "X-Forwarded-User", "Forwarded",
            "Cookie", "Dandelion-Client", "X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-Path",
        ]
        return names.flatMap { name in
            [("POST", "/v1/invoke/\(victim.own)"), ("GET", "/v1/functions"), ("DELETE", "/v1/functions/\(victim.own)")]
                .map {
                    let value =
                        name.hasSuffix("URL") || name.hasSuffix("Path") ? "/v1/invoke/\(victim.own)" : victim.name
                    return HostileAttempt(name: "header", method: $0.0, path: $0.1, headers: ["\(name): \(value)"])
                }
        }
    }

    private static func documents(_ victim: HostileTenant) -> [HostileAttempt] {
        func bson(_ key: String, _ value: String) -> [UInt8] {
            func word(_ count: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } }
            let text = [2] + Array(key.utf8) + [0] + word(value.utf8.count + 1) + Array(value.utf8) + [0]
            let sets: [UInt8] = [4] + Array("sets".utf8) + [0] + word(5) + [0]
            return word(4 + text.count + sets.count + 1) + text + sets + [0]
        }
        let call = "function \(victim.own)(cfg) => (out);\ncomposition Taken() => (y) { \(victim.own)() => (y = out); }"
        let run = ["/hot/a", "/cold/a", "/hot/\(victim.own)"].flatMap { path in
            [("name", victim.own), ("name", victim.twice), ("composition", call)].map {
                HostileAttempt(name: "document", method: "POST", path: path, body: bson($0.0, $0.1))
            }
        }
        return run + [
            HostileAttempt(name: "composition", method: "PUT", path: "/v1/compositions/Taken", body: Array(call.utf8)),
            HostileAttempt(
                name: "composition", method: "POST", path: "/register/composition", body: bson("composition", call)),
            HostileAttempt(name: "composition", method: "POST", path: "/v1/invoke/Taken"),
        ]
    }

    /// Shown in the place of the attacker's token.
    private static func impersonations(_ victim: HostileTenant) -> [HostileAttempt] {
        let shown = victim.authorization
        let claims = #"{"tenant":"\#(victim.name)","roles":["invoke","register","read","administer"],"exp":9999999999}"#
        let payload = Data(claims.utf8).base64EncodedString().replacing("=", with: "")
        let forged = [
            String(shown.dropLast()), shown + "A", shown.lowercased(), shown.uppercased(),
            "Authorization: \(shown.suffix(43))",
            "Authorization: Basic \(Data("\(victim.name):x".utf8).base64EncodedString())",
            "Authorization: Bearer eyJhbGciOiJub25lIn0.\(payload).",
            "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.\(payload).AAAA",
            "Authorization: Bearer", "Authorization: Bearer \(victim.name)", "Cookie: Authorization=\(victim.name)",
            "X-A: b",
        ]
        return forged.flatMap { field in
            [("POST", "/v1/invoke/\(victim.own)"), ("GET", "/v1/functions"), ("DELETE", "/v1/functions/\(victim.own)")]
                .map {
                    HostileAttempt(name: "impersonation", method: $0.0, path: $0.1, authorization: field)
                }
        }
    }

    /// What is the node's own.
    private static var administration: [HostileAttempt] {
        ["/metrics", "/stats", "/readyz", "/v1/plugins"].map { HostileAttempt(name: "node", method: "GET", path: $0) }
            + [HostileAttempt(name: "node", method: "POST", path: "/v1/plugins/process/reload")]
    }
}
