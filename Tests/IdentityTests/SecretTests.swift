import Failure
import Foundation
import TestSupport
import Testing

@testable import Identity

/// Secrets at rest.
@Suite struct SecretTests {
    private static func secret(
        tenant: String = "alice", name: String = "key", host: String = "API.example.", template: String = "X-Key: {}",
        value: String = "open sesame"
    ) throws(Failure) -> Secret {
        try Secret(
            tenant: tenant, name: name, host: host, port: 443, isPlain: false, template: template, value: value)
    }

    @Test func whatCannotBeSentIsRefused() throws {
        let good = try Self.secret(template: "Authorization: Bearer {}, and more")
        #expect(good.host == "api.example" && good.line == Array("Authorization: Bearer open sesame, and more".utf8))
        for template in [
            "", "{}", "X {}", "X: ", "X: {} {}", ": {}", "X Y: {}", "X:\n{}", "Host: {}", "content-length: {}",
            "Transfer-Encoding: {}", "X{}: y", "X: {}\r\nEvil: 1",
        ] {
            #expect(throws: Failure.self, "\(template)") { try Self.secret(template: template) }
        }
        for value in ["", "a\nb", "a\r", "a\0", String(repeating: "v", count: 20_000)] {
            #expect(throws: Failure.self) { try Self.secret(value: value) }
        }
        for host in ["", "*.example", "a b", "a/b", "u@h", "[::1]"] {
            #expect(throws: Failure.self, "\(host)") { try Self.secret(host: host) }
        }
        for name in ["", "a b", "é", "a\n"] { #expect(throws: Failure.self) { try Self.secret(name: name) } }
        #expect(throws: Failure.self) { try Self.secret(tenant: "a b") }
    }

    @Test func filesTellNothingAndCannotBeExchanged() throws {
        let state = "\(Temporary.folder)/secrets-\(UUID())"
        defer {
            Temporary.remove(state)
            Temporary.remove(state + ".key")
        }
        let folder = try SecretFolder(state: state)
        #expect(try SecretKey(file: state + ".key") == nil)
        let key = try #require(try SecretKey(file: state + ".key", making: true))
        try folder.set(try Self.secret(), by: key)
        try folder.set(try Self.secret(tenant: "bob", value: "bob's own words"), by: key)
        try folder.set(try Self.secret(value: "open sesame again"), by: key)
        let again = try #require(try SecretKey(file: state + ".key", making: true))
        #expect(try folder.all(again).map(\.tenant) == ["alice", "bob"])
        #expect(
            try folder.all(again).map { String(decoding: $0.line, as: UTF8.self) } == [
                "X-Key: open sesame again", "X-Key: bob's own words",
            ])
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).map { "\(folder.path)/\($0)" }
        #expect(files.count == 2)
        let contents = try files.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
        for bytes in contents {
            for word in ["sesame", "words", "X-Key", "example"] { #expect(!bytes.contains(Array(word.utf8))) }
        }
        // One tenant's file in the place of another's, a changed one, and another key.
        try Data(contents[0]).write(to: URL(fileURLWithPath: files[1]))
        #expect(try folder.all(key).count == 1)
        for place in stride(from: 0, to: contents[0].count, by: 7) {
            var changed = contents[0]
            changed[place] ^= 1
            try Data(changed).write(to: URL(fileURLWithPath: files[0]))
            #expect(try folder.all(key).isEmpty)
        }
        try Data(contents[0]).write(to: URL(fileURLWithPath: files[0]))
        defer { Temporary.remove(state + ".other") }
        let other = try #require(try SecretKey(file: state + ".other", making: true))
        #expect(try folder.all(other).isEmpty)
        #expect(try folder.all(key).count == 1)
        // A key that others may read is none.
        chmod(state + ".key", 0o640)
        #expect(throws: Failure.self) { try SecretKey(file: state + ".key") }
        try folder.remove("key", of: contents[0] == contents[1] ? "" : (try folder.all(key).first?.tenant ?? ""))
        #expect(throws: Failure.self) { try folder.remove("none", of: "alice") }
    }
}
