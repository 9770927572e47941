import Config
import Failure
import Glibc
import TestSupport
import Testing

@testable import Identity

@Suite struct TokenTests {
    private let state: String

    init() {
        var template = Array("\(Temporary.folder)/identity-tests-XXXXXX".utf8CString)
        state = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    private func identify(_ text: String, _ authenticator: Authenticator, now: Int64 = 1_000) -> Identity? {
        Array(text.utf8).withUnsafeBytes { bytes in try? authenticator.identify(bearer: bytes, now: now) }
    }

    @Test func tokensLiveFromMakingToRevoking() throws {
        defer { Temporary.remove(state) }
        let folder = try TokenFolder(state: state)
        let authenticator = try Authenticator(AuthenticationSettings(), folder)
        let made = try folder.make(tenant: "alice", roles: [.invoke, .read], now: 900, lifetime: 200, note: "a\"b")
        #expect(identify(made.text, authenticator) == nil)
        authenticator.reload()
        let wanted = Identity(tenant: "alice", roles: [.invoke, .read], name: "token:\(made.token.number)")
        #expect(identify(made.text, authenticator) == wanted)
        #expect(identify(made.text, authenticator, now: 1_099) == wanted)
        #expect(identify(made.text, authenticator, now: 1_100) == nil)
        for other in [made.text + "x", String(made.text.dropLast()), made.token.number, "", "dandelion_"] {
            #expect(identify(other, authenticator) == nil)
        }
        #expect(try folder.all() == [made.token])
        try folder.revoke(made.token.number)
        authenticator.reload()
        #expect(identify(made.text, authenticator) == nil)
        #expect(throws: Failure.self) { try folder.revoke(made.token.number) }
        #expect(throws: Failure.self) { try folder.revoke("../tokens") }
    }

    /// Nothing on the disk is worth anything to who reads it.
    @Test func noTextIsKept() throws {
        defer { Temporary.remove(state) }
        let made = try TokenFolder(state: state).make(tenant: "a", roles: .invoke, now: 0, lifetime: nil, note: "")
        let file = try #require(fopen("\(state)/tokens/\(made.token.number)", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let record = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
        #expect(!record.contains(made.text.dropFirst(10)) && record.contains(made.token.digest.hexadecimal))
        #expect(made.text.hasPrefix("dandelion_") && made.text.utf8.count == 53)
    }

    @Test func damagedRecordsGrantNothing() throws {
        defer { Temporary.remove(state) }
        let folder = try TokenFolder(state: state)
        let made = try folder.make(tenant: "alice", roles: .invoke, now: 0, lifetime: 10, note: "")
        let path = "\(state)/tokens/\(made.token.number)"
        for change in [
            (#""tenant":"alice""#, #""tenant":"al,ice""#), (#"["invoke"]"#, #"["invoke","root"]"#),
            (#""expires":10"#, #""expires":"never""#), (#","expires":10"#, ""), ("}", ""),
            (made.token.digest.hexadecimal, String(repeating: "0", count: 64)),
        ] {
            let file = try #require(fopen(path, "w"))
            fputs(made.token.json.replacing(change.0, with: change.1), file)
            fclose(file)
            #expect(try folder.all().isEmpty, "\(change)")
        }
        let authenticator = try Authenticator(AuthenticationSettings(), folder)
        #expect(identify(made.text, authenticator, now: 1) == nil)
    }

    @Test func certificatesAreKnownByTheWholeSubject() throws {
        defer { Temporary.remove(state) }
        let settings = AuthenticationSettings(certificates: [
            CertificateIdentity(subject: "CN=alice,O=Example", tenant: "alice", roles: .invoke)
        ])
        let authenticator = try Authenticator(settings, try TokenFolder(state: state))
        #expect(try authenticator.identify(subject: "CN=alice,O=Example").tenant == "alice")
        for other in ["CN=alice", "CN=alice,O=Example,C=CH", "CN=Alice,O=Example", "CN=alice\\,O\\=Example", ""] {
            #expect(throws: NotBelieved.self) { try authenticator.identify(subject: other) }
        }
    }

    @Test func base64urlIsStrict() {
        for text in ["=", "A", "AA=", "AB", "A+==", "A/", "AAAAA", "AAB", " AA", "é"] {
            #expect(Base64URL.decode(Array(text.utf8)) == nil, "\(text)")
        }
        var random = SystemRandomNumberGenerator()
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Base64URL.decode(Array(Base64URL.encode(bytes).utf8)) == bytes)
            #expect(Base64URL.encode(bytes) == base64url(bytes))
        }
    }
}
