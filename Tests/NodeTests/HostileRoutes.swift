import Foundation
import PluginHarness
import Testing
import Values

/// What a tenant has the node keep, and by which names it is found.
struct HostileHoldings {
    /// Of a durable invocation whose result is the tenant's marker.
    let invocation: String
    let schedule: String
    /// NAME@ALIAS, which points to the first version.
    let alias: String
    /// Of a function's image.
    let digest: String
    /// The field X-Request-Id of an invocation.
    let request: String

    /// What tells of them in an answer.
    var traces: [String] { [invocation, schedule, alias, request] }
}

extension HostileTenant {
    private var schedule: String { "Plan\(name)" }
    private var alias: String { "\(own)@For\(name)" }
    private var request: String { "request-of-\(name)" }
    private var key: String { "Idempotency-Key: \"key-of-\(name)\"" }

    /// Makes them all, and waits for the result of the durable invocation.
    func keep(digest: String) throws -> HostileHoldings {
        let accepted = send("POST", "/v1/invoke/\(own)", [], ["Prefer: respond-async", key])
        #expect(accepted.status == 202, "\(accepted.text)")
        let invocation = try #require(try JSONReader.read(bytes: accepted.body)["id"]?.text)
        #expect(send("PUT", "/v1/schedules/\(schedule)?invoke=\(own)&every=10m").status == 201)
        #expect(send("PUT", "/v1/aliases/\(alias)?to=1").status / 100 == 2)
        #expect(send("POST", "/v1/invoke/\(own)", [], ["X-Request-Id: \(request)"]).status == 200)
        let kept = HostileHoldings(
            invocation: invocation, schedule: schedule, alias: alias, digest: digest, request: request)
        for _ in 0..<400 where !has(kept) { usleep(10_000) }
        #expect(has(kept))
        return kept
    }

    /// Whether they are all there and as they were.
    func has(_ kept: HostileHoldings) -> Bool {
        let result = send("GET", "/v1/invocations/\(kept.invocation)")
        let plan = send("GET", "/v1/schedules/\(kept.schedule)")
        return result.status == 200 && result.text.contains(marker) && plan.text.contains(own)
            && send("POST", "/v1/invoke/\(kept.alias)").text == marker
    }
}

extension HostileAttempt {
    /// Every path of the node's own description, by every method, with everything in its places by which the victim's can be
    /// named: what is added to the interface is tried, too.
    static func routes(of node: RunningNode, on victim: HostileTenant, _ kept: HostileHoldings) throws
        -> [HostileAttempt]
    {
        let description = try JSONReader.read(bytes: node.request("GET", "/v1/openapi.json").body)
        let paths = try #require(description["paths"]).entries.map(\.key)
        #expect(paths.count > 25)
        let names = [
            victim.own, victim.twice, "\(victim.own)@1", kept.alias, kept.schedule, kept.invocation, kept.request,
            kept.digest, kept.invocation.lowercased(), "\(victim.name)%2F\(kept.invocation)",
        ]
        return paths.flatMap { path -> [HostileAttempt] in
            let places = path.split(separator: "/").filter { $0.hasPrefix("{") }
            let filled = places.isEmpty ? [path] : names.map { fill(path, with: $0) }
            return filled.flatMap { filled in
                ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].flatMap { method in
                    queries(path, victim, kept).map {
                        HostileAttempt(name: "route", method: method, path: filled + $0, headers: fields(path, victim))
                    }
                }
            }
        }
    }

    private static func fill(_ path: String, with name: String) -> String {
        path.split(separator: "/").reduce("") { $0 + "/" + ($1.hasPrefix("{") ? name : String($1)) }
    }

    /// What the routes want, said of the victim's.
    private static func queries(_ path: String, _ victim: HostileTenant, _ kept: HostileHoldings) -> [String] {
        if path.hasPrefix("/v1/schedules/") {
            return ["?invoke=\(victim.own)&every=10m", "?invoke=\(kept.alias)&every=1s"]
        }
        if path.hasPrefix("/v1/aliases/") { return ["?to=1", "?to=\(victim.own)"] }
        if path.hasSuffix("/resume") { return ["?decision=repeat", "?decision=fail"] }
        if path.hasSuffix("/v1/invocations") { return ["", "?name=\(victim.own)", "?state=done", "?after=0"] }
        return [""]
    }

    private static func fields(_ path: String, _ victim: HostileTenant) -> [String] {
        guard path.hasPrefix("/v1/invoke") else { return [] }
        return ["Idempotency-Key: \"key-of-\(victim.name)\"", "Prefer: respond-async"]
    }

    /// Answers everybody: it tells of no tenant.
    var isCommon: Bool {
        let common = ["/", "/healthz", "/v1/openapi.json", "/console"]
        return method == "OPTIONS" || common.contains(String(path.prefix { $0 != "?" }))
    }
}
