import Config
import Dispatcher
import Engines
import Registry
import Testing

@testable import Frontend

/// What a tenant may have is refused to that tenant alone.
@Suite(.serialized) struct TenantQuotaTests {
    private static func function(_ name: String) -> String { "/v1/functions/\(name)?inputs=a&outputs=x" }

    @Test func aTenantKeepsWhatItMay() throws {
        let rig = try TenantRig(quotas: [
            "alice": SpaceQuota(names: 3, bytes: 150), "default": SpaceQuota(names: 1, bytes: nil),
        ])
        let (alice, bob) = (try rig.client("alice"), try rig.client("bob"))
        #expect(alice.status("PUT", Self.function("one"), "E") == 201)
        let body = "(p) => (y) { one(a = all p) => (y = x); }"
        let two = "function one(a) => (x);\ncomposition A\(body)\ncomposition B\(body)"
        #expect(alice.status("PUT", "/v1/compositions/A", two) == 201)
        let refused = try #require(alice.send("PUT", Self.function("two"), "E"))
        #expect(refused.status == 507 && refused.text.contains("may have 3"))
        // Nothing is gained by the place of another, and nothing is lost.
        #expect(alice.status("PUT", Self.function("one") + "&replace=true", "E") == 200)
        #expect(alice.status("DELETE", "/v1/compositions/A") == 204)
        #expect(alice.status("PUT", Self.function("two"), String(repeating: "E", count: 150)) == 507)
        #expect(alice.status("PUT", Self.function("two"), "E") == 201)
        #expect(alice.status("DELETE", "/v1/functions/two") == 204)
        // Those without a table have what `default` says, each by itself.
        #expect(bob.status("PUT", Self.function("one"), "E") == 201)
        #expect(bob.status("PUT", Self.function("two"), "E") == 507)
        #expect(try rig.client("carol").status("PUT", Self.function("one"), "E") == 201)
    }

    @Test func aTenantMakesTheRequestsItMay() throws {
        var quota = QuotaSettings()
        quota.requestsPerSecond = 0.01
        let rig = try TenantRig(tenants: [Admission.TenantSettings(name: "alice", quota: quota)])
        let (alice, bob) = (try rig.client("alice"), try rig.client("bob"))
        for client in [alice, bob] { #expect(client.status("PUT", Self.function("f"), "E") == 201) }
        #expect(alice.status("POST", "/v1/invoke/f", "x") == 200)
        let refused = try #require(alice.send("POST", "/v1/invoke/f", "x"))
        #expect(refused.status == 429 && refused.text.contains("requests a second"))
        let wait = refused.head.split(separator: "\r\n").first { $0.hasPrefix("retry-after: ") }
        #expect((90...100).contains(wait.flatMap { Int($0.dropFirst(13)) } ?? 0))
        for _ in 0..<20 { #expect(bob.status("POST", "/v1/invoke/f", "x") == 200) }
    }

    @Test func aTenantSendsWhatItMay() throws {
        var quota = QuotaSettings()
        quota.sent = 1000
        let rig = try TenantRig(tenants: [Admission.TenantSettings(name: "alice", quota: quota)])
        let alice = try rig.client("alice")
        #expect(alice.status("PUT", Self.function("f"), "E") == 201)
        let body = String(repeating: "x", count: 400)
        let statuses = (0..<5).map { _ in alice.status("POST", "/v1/invoke/f", body) }
        #expect(statuses == [200, 200, 200, 429, 429])
    }
}
