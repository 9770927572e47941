import Config
import Foundation
import Identity
import TestSupport
import Testing
import Transport
import Values

@testable import Frontend

/// Tenants are spaces of names: what one registers, nobody else finds.
@Suite(.serialized) struct SpaceTests {
    private static let function = "/v1/functions/Own?inputs=a&outputs=x"
    private static let text = "function Own(a) => (x);\ncomposition Twice(p) => (y) { Own(a = all p) => (y = x); }"

    private static func withoutId(_ reply: Client.Response) -> String {
        reply.text.replacing(/"requestId":"[0-9a-f]*",/, with: "")
    }

    @Test func namesOfAnotherAreNotThere() throws {
        let rig = try TenantRig()
        let (alice, bob) = (try rig.client("alice"), try rig.client("bob"))
        #expect(alice.status("PUT", Self.function, "E") == 201)
        #expect(alice.status("PUT", "/v1/compositions/Twice", Self.text) == 201)
        let tries: [(String, String, String)] = [
            ("GET", "/v1/functions/Own", ""), ("GET", "/v1/compositions/Twice", ""),
            ("DELETE", "/v1/functions/Own", ""),
            ("DELETE", "/v1/compositions/Twice", ""), ("POST", "/v1/invoke/Own", "x"),
            ("POST", "/v1/invoke/Own?fresh=true", "x"),
            ("POST", "/v1/invoke/Twice", "x"),
        ]
        for (method, path, body) in tries {
            let reply = try #require(bob.send(method, path, body))
            let never = try #require(
                bob.send(method, path.replacing("Own", with: "Non").replacing("Twice", with: "Never"), body))
            #expect(reply.status == 404, "\(method) \(path)")
            // Nothing tells a name of another's from one that there never was.
            let (told, wanted) = (Self.withoutId(reply), Self.withoutId(never))
            #expect(told == wanted.replacing("Non", with: "Own").replacing("Never", with: "Twice"))
        }
        #expect(try bob.names("functions").isEmpty && bob.names("compositions").isEmpty)
        // A text that calls another's function, and a name that is nearly another's.
        #expect(bob.status("PUT", "/v1/compositions/Twice", Self.text) != 201)
        #expect(bob.send("POST", "/v1/invoke/Owm", "x")?.text.contains("Own") == false)
        #expect(alice.send("POST", "/v1/invoke/Owm", "x")?.text.contains("did you mean 'Own'") == true)
        #expect(alice.status("POST", "/v1/invoke/Twice", "x") == 200)
    }

    @Test func everyTenantHasTheName() throws {
        let rig = try TenantRig()
        let clients = try ["alice", "bob", "default"].map(rig.client)
        // Functions that succeed, and one that fails.
        for (client, image) in zip(clients, ["E", "F", "E"]) {
            #expect(client.status("PUT", Self.function, image) == 201)
            #expect(client.status("PUT", Self.function, image) == 201)
            #expect(client.status("PUT", "/v1/compositions/Twice", Self.text) == 201)
        }
        for (client, isGood) in zip(clients, [true, false, true]) {
            for name in ["Own", "Twice"] {
                #expect((client.status("POST", "/v1/invoke/\(name)", "x") == 200) == isGood)
            }
        }
        // One tenant's composition holds nobody else's function.
        #expect(clients[0].status("DELETE", "/v1/functions/Own") == 409)
        #expect(clients[0].status("DELETE", "/v1/compositions/Twice") == 204)
        #expect(clients[0].status("DELETE", "/v1/functions/Own") == 204)
        #expect(clients[0].status("POST", "/v1/invoke/Own", "x") == 404)
        #expect(clients[2].status("POST", "/v1/invoke/Twice", "x") == 200)
        #expect(try clients[1].names("functions") == ["Own"])
    }

    @Test func whatIsPublishedIsForAll() throws {
        let rig = try TenantRig(publishers: ["Own": "alice", "Twice": "alice", "Missing": "alice"])
        let (alice, bob) = (try rig.client("alice"), try rig.client("bob"))
        #expect(alice.status("PUT", "/v1/functions/Hidden?inputs=a&outputs=x", "E") == 201)
        #expect(alice.status("PUT", Self.function, "E") == 201)
        let text = Self.text.replacing("Own", with: "Hidden")
        #expect(alice.status("PUT", "/v1/compositions/Twice", text) == 201)
        // It runs with what it calls, which is not published itself.
        #expect(bob.status("POST", "/v1/invoke/Twice", "x") == 200)
        #expect(bob.status("POST", "/v1/invoke/Own", "x") == 200)
        #expect(bob.status("POST", "/v1/invoke/Hidden", "x") == 404)
        #expect(bob.status("POST", "/v1/invoke/Missing", "x") == 404)
        #expect(try bob.names("functions", "published") == ["Own"])
        #expect(try bob.names("compositions", "published") == ["Twice"])
        #expect(bob.send("GET", "/v1/compositions/Twice")?.text.contains("Hidden") == false)
        #expect(alice.send("GET", "/v1/compositions/Twice")?.text.contains("Hidden") == true)
        // Own compositions may call it.
        let own = Self.text.replacing("composition Twice", with: "composition Mine")
        #expect(bob.status("PUT", "/v1/compositions/Mine", own) == 201)
        #expect(bob.status("POST", "/v1/invoke/Mine", "x") == 200)
        // Nobody else's to change, and not the publisher's to pull away.
        for (method, path) in [("DELETE", "/v1/functions/Own"), ("DELETE", "/v1/compositions/Twice")] {
            #expect(bob.status(method, path) == 404 && alice.status(method, path) == 409, "\(path)")
        }
        #expect(bob.status("PUT", Self.function, "E") == 409)
        #expect(bob.status("PUT", Self.function + "&replace=true", "E") == 409)
        #expect(bob.status("PUT", "/v1/functions/Missing?inputs=a&outputs=x", "E") == 409)
        #expect(alice.status("PUT", Self.function + "&replace=true", "E") == 200)
        #expect(alice.status("PUT", "/v1/functions/Own?inputs=b&outputs=x&replace=true", "E") == 409)
    }

    /// A name that anybody may write is a share of the node and opens no space; one that a proxy vouches for does.
    @Test(arguments: [false, true]) func theFieldCountsWhereSomebodyVouches(_ vouched: Bool) throws {
        let proxy = try #require(AddressRange("127.0.0.0/8"))
        let server = try TestServer(access: AccessSettings(tenantsFrom: vouched ? [proxy] : nil))
        defer { server.stop() }
        let client = try server.connect()
        let field = "Dandelion-Tenant: alice\r\n"
        #expect(client.send("PUT", Self.function, "E", field)?.status == 201)
        #expect(client.send("POST", "/v1/invoke/Own", "x", field)?.status == 200)
        #expect(client.send("POST", "/v1/invoke/Own", "x")?.status == (vouched ? 404 : 200))
        for (method, path) in [("GET", "/v1/functions"), ("PUT", Self.function), ("DELETE", "/v1/functions/Own")] {
            #expect(client.send(method, path, "E", "Dandelion-Tenant: a b\r\n")?.status == 400, "\(path)")
        }
    }
}
