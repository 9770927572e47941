import Config
import Failure
import Glibc
import TestSupport
import Testing
import Transport

@testable import Frontend

/// Listeners, as their clients see them.
@Suite(.serialized) struct TLSTests {
    private static let certificates = Result {
        let made = try Certificates()
        for name in ["server", "next", "alice"] { try made.sign(name) }
        return made
    }

    private static let echo = Array("composition echo(x) => (x) { }".utf8)

    /// A listener with copies of the certificate `name`, so that they can be exchanged.
    private func listener(
        _ name: String = "server", clients: ClientCertificates = .none, folder: String
    ) throws -> ListenerSettings {
        let made = try Self.certificates.get()
        try install(name, folder)
        return ListenerSettings(
            .address(ListenAddress(host: "127.0.0.1", port: 0)),
            tls: TLSSettings(
                certificate: "\(folder)/tls.pem", key: "\(folder)/tls.key",
                clientAuthorities: clients == .none ? nil : made.authority, clients: clients))
    }

    private func install(_ name: String, _ folder: String) throws {
        let (chain, key) = try Self.certificates.get().files(name)
        for (from, to) in [(chain, "tls.pem"), (key, "tls.key")] {
            let file = try #require(fopen(from, "r"))
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = fread(&bytes, 1, bytes.count, file)
            let copy = try #require(fopen("\(folder)/\(to).new", "w"))
            fwrite(bytes, 1, count, copy)
            fclose(copy)
            try #require(rename("\(folder)/\(to).new", "\(folder)/\(to)") == 0)
        }
    }

    private func scratch() -> String {
        var template = Array("\(Temporary.folder)/tls-tests-XXXXXX".utf8CString)
        return mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    private func believing(_ own: String? = nil) throws -> TLSClient.Settings {
        let made = try Self.certificates.get()
        return TLSClient.Settings(authorities: made.authority, certificate: own.map { made.files($0) })
    }

    @Test func largeBodiesGoThroughBothWays() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(folder: folder)])
        defer { server.stop() }
        let client = try server.connect(believing())
        #expect(client.send("PUT", "/v1/compositions/echo", Self.echo)?.status == 201)
        var random = Random(seed: 1)
        for size in [0, 1, 16_383, 16_384, 16_385, 100_000, 5_000_000] {
            let body = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            let reply = client.send("POST", "/v1/invoke/echo", body, "Content-Type: application/octet-stream\r\n")
            #expect(reply?.status == 200 && reply?.body == body, "\(size) bytes")
        }
    }

    /// More arrives in one record than the connection has room for, and nothing comes after it that would wake the loop.
    @Test func whatARecordHoldsIsAllRead() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(folder: folder)])
        defer { server.stop() }
        let client = try server.connect(believing())
        let request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        let count = 3_000
        client.send(String(repeating: request, count: count))
        for number in 0..<count {
            guard client.response()?.status == 200 else {
                Issue.record("no answer to request \(number) of \(count)")
                return
            }
        }
    }

    @Test func piecesOfARequestMakeNoDifference() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(folder: folder)])
        defer { server.stop() }
        let client = try server.connect(believing())
        for byte in "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8 { client.send([byte]) }
        #expect(client.response()?.text == "ok\n")
    }

    @Test func certificatesAreExchangedAndConnectionsStay() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(folder: folder)])
        defer { server.stop() }
        let early = try server.connect(believing())
        #expect(early.send("GET", "/healthz", "")?.status == 200)
        #expect(early.serverSubject == "CN=server")
        try install("next", folder)
        server.frontend.reloadCertificates(always: false)
        let late = try server.connect(believing())
        #expect(late.serverSubject == "CN=next")
        #expect(late.send("GET", "/healthz", "")?.status == 200)
        #expect(early.send("GET", "/healthz", "")?.status == 200)
        // A key without its certificate changes nothing.
        #expect(rename("\(folder)/tls.key", "\(folder)/gone") == 0)
        server.frontend.reloadCertificates(always: true)
        #expect(try server.connect(believing()).serverSubject == "CN=next")
    }

    @Test func clientsShowCertificates() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(clients: .required, folder: folder)])
        defer { server.stop() }
        #expect(try server.connect(believing("alice")).send("GET", "/healthz", "")?.status == 200)
        // With TLS 1.3 the client hears of it when it reads.
        let none = try? server.connect(believing())
        #expect(none?.send("GET", "/healthz", "") == nil)
        let others = try Certificates()
        try others.sign("mallory")
        let settings = TLSClient.Settings(
            authorities: try Self.certificates.get().authority, certificate: others.files("mallory"))
        #expect((try? server.connect(settings))?.send("GET", "/healthz", "") == nil)
        #expect(try server.connect(believing("alice")).send("GET", "/healthz", "")?.status == 200)
    }

    /// Whoever speaks without TLS gets nothing, and the node goes on.
    @Test func nonsenseInPlaceOfAHandshake() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let server = try TestServer(listeners: [try listener(folder: folder)])
        defer { server.stop() }
        var random = Random(seed: 2)
        for length in [1, 5, 100, 20_000] {
            let client = try server.connect()
            client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
            #expect(!String(decoding: client.rest(), as: UTF8.self).hasPrefix("HTTP"))
            let noise = try server.connect()
            noise.send([22, 3, 1] + (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
            noise.endSending()
            #expect(!String(decoding: noise.rest(), as: UTF8.self).hasPrefix("HTTP"))
        }
        #expect(try server.connect(believing()).send("GET", "/healthz", "")?.status == 200)
    }

    @Test func placesThatOthersReachAreRefused() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let everywhere = ListenPlace.address(ListenAddress(host: "0.0.0.0", port: 0))
        let error = #expect(throws: Failure.self) {
            try TestServer(listeners: [ListenerSettings(everywhere)]).stop()
        }
        #expect(error?.detail.contains("no TLS and no authentication") == true)
        let server = try TestServer(listeners: [ListenerSettings(everywhere, isInsecure: true)])
        #expect(try server.connect().send("GET", "/healthz", "")?.status == 200)
        server.stop()
    }

    @Test func socketsWithAPath() throws {
        let folder = scratch()
        defer { Temporary.remove(folder) }
        let place = ListenPlace.unix("\(folder)/socket")
        for _ in 0..<2 {
            // The second time there is what the first left.
            let server = try TestServer(listeners: [ListenerSettings(place)])
            var facts = stat()
            #expect(stat("\(folder)/socket", &facts) == 0 && facts.st_mode & 0o777 == 0o600)
            close(try ClientSocket.connect(path: "\(folder)/socket"))
            #expect(throws: Failure.self) { try TestServer(listeners: [ListenerSettings(place)]).stop() }
            server.stop()
        }
        try #require(fopen("\(folder)/file", "w").map { fclose($0) } == 0)
        let error = #expect(throws: Failure.self) {
            try TestServer(listeners: [ListenerSettings(.unix("\(folder)/file"))]).stop()
        }
        #expect(error?.detail.contains("no socket") == true)
    }

    @Test func socketsThatNobodyGave() throws {
        let error = #expect(throws: Failure.self) {
            try TestServer(listeners: [ListenerSettings(.inherited(nil))]).stop()
        }
        #expect(error?.detail.contains("LISTEN_FDS") == true)
    }
}
