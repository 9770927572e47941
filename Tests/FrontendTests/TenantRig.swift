import Config
import Dispatcher
import Foundation
import Identity
import Registry
import TestSupport
import Testing
import Transport
import Values

@testable import Frontend

/// A node whose callers are known by their tokens.
final class TenantRig {
    let server: TestServer
    private let folder: TokenFolder
    private let authenticator: Authenticator
    private let state = "\(Temporary.folder)/spaces-\(UUID())"

    init(
        publishers: [String: String] = [:], quotas: [String: SpaceQuota] = [:], tenants: [Admission.TenantSettings] = []
    ) throws {
        folder = try TokenFolder(state: state)
        authenticator = try Authenticator(AuthenticationSettings(), folder)
        let local = ListenPlace.address(ListenAddress(host: "127.0.0.1", port: 0))
        server = try TestServer(
            listeners: [ListenerSettings(local, authenticates: true)], authenticator: authenticator,
            publishers: publishers, quotas: quotas, tenants: tenants)
    }

    deinit {
        server.stop()
        Temporary.remove(state)
    }

    func client(_ tenant: String) throws -> TenantClient {
        let made = try folder.make(
            tenant: tenant, roles: [.invoke, .register, .read], now: Int64(Date().timeIntervalSince1970),
            lifetime: nil, note: "")
        authenticator.reload()
        return TenantClient(client: try server.connect(), field: "Authorization: Bearer \(made.text)\r\n")
    }
}

struct TenantClient {
    let client: Client
    let field: String

    func send(_ method: String, _ path: String, _ body: String = "", _ fields: String = "") -> Client.Response? {
        client.send(method, path, body, field + fields)
    }
    func status(_ method: String, _ path: String, _ body: String = "") -> Int? { send(method, path, body)?.status }
    func names(_ collection: String, _ key: String? = nil) throws -> [String] {
        let page = try JSONReader.read(try #require(send("GET", "/v1/\(collection)")).text)
        return (page[key ?? collection]?.elements ?? []).compactMap { $0["name"]?.text }
    }
}
