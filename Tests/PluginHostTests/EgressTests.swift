import Testing

@testable import PluginHost

/// Where requests may go, and what they are sent with.
@Suite struct EgressTests {
    private let egress = Egress()

    private func target(_ host: String, _ port: UInt16 = 443, _ method: String = "GET", secure: Bool = true)
        -> EgressTarget
    {
        EgressTarget(host: host, port: port, method: method, isSecure: secure)
    }

    @Test func hostsMethodsAndPortsAreBounded() {
        egress.set(
            tenants: [
                "alice": EgressRule(
                    hosts: ["api.example", "*.parts.example", "10.0.0.1", "::1"], methods: ["GET"], ports: [443])
            ],
            others: EgressRule(hosts: []), functions: ["Narrow": EgressRule(hosts: ["api.example"])])
        let (alice, isBounded) = egress.caller(tenant: "alice", function: "F")
        #expect(isBounded && egress.caller(tenant: "alice", function: "F").number == alice)
        for host in [
            "api.example", "API.Example", "api.example.", "a.parts.example", "a.b.parts.example", "10.0.0.1", "::1",
        ] {
            #expect(egress.refusal(alice, target(host)) == nil, "\(host)")
        }
        // Names that carry data, other spellings of addresses, and what only looks alike.
        for host in [
            "c2VjcmV0.evil.example", "api.example.evil", "evilapi.example", "parts.example", ".parts.example",
            "xparts.example", "api.example..", "", "10.0.0.01", "0x0a000001", "167772161", "::ffff:10.0.0.1",
            "0:0:0:0:0:0:0:1",
            "api.example%00.evil",
        ] {
            #expect(egress.refusal(alice, target(host)) != nil, "\(host)")
        }
        #expect(egress.refusal(alice, target("api.example", 80)) != nil)
        #expect(egress.refusal(alice, target("api.example", 443, "POST")) != nil)
        #expect(egress.refusal(alice, target("api.example", 443, "get")) != nil)
        // Both the tenant's and the function's hold.
        let narrow = egress.caller(tenant: "alice", function: "Narrow").number
        #expect(egress.refusal(narrow, target("api.example")) == nil)
        #expect(egress.refusal(narrow, target("a.parts.example"))?.contains("'Narrow'") == true)
        let stranger = egress.caller(tenant: "stranger", function: "F").number
        #expect(egress.refusal(stranger, target("api.example")) != nil)
        #expect(egress.refusal(0, target("api.example")) != nil && egress.refusal(99, target("api.example")) != nil)
    }

    @Test func secretsGoToTheirHostAlone() {
        func secret(_ tenant: String, _ host: String, _ port: UInt16 = 443, secure: Bool = true) -> BoundSecret {
            BoundSecret(
                tenant: tenant, host: host, port: port, needsSecurity: secure, line: Array("X: \(tenant)\(host)".utf8))
        }
        egress.set(secrets: [
            secret("alice", "a.example"), secret("alice", "b.example", 80, secure: false), secret("bob", "a.example"),
        ])
        let alice = egress.caller(tenant: "alice", function: "F")
        #expect(!alice.isBounded)
        func lines(_ number: UInt64, _ target: EgressTarget) -> [String] {
            egress.lines(number, target).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines(alice.number, target("A.example.")) == ["X: alicea.example"])
        #expect(lines(alice.number, target("b.example", 80, secure: false)) == ["X: aliceb.example"])
        for other in [
            target("a.example", 444), target("a.example", secure: false), target("x.a.example"),
            target("a.example.evil"), target("b.example"),
        ] { #expect(lines(alice.number, other).isEmpty) }
        #expect(lines(egress.caller(tenant: "bob", function: "F").number, target("a.example")) == ["X: boba.example"])
        #expect(lines(egress.caller(tenant: "carol", function: "F").number, target("a.example")).isEmpty)
        #expect(lines(0, target("a.example")).isEmpty)
    }
}
