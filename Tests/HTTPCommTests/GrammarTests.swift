import CommHarness
import PluginABI
import Testing

/// The request grammar, through validate: what is accepted, and where and why the rest is refused.
struct GrammarTests {
    let plugin: Plugin

    init() throws { plugin = try Plugin() }

    @Test(arguments: [
        "GET http://example.org/ HTTP/1.1",
        "GET http://example.org/ HTTP/1.1\n",
        "GET http://example.org/ HTTP/1.1\r\n\r\n",
        "GET http://example.org HTTP/1.0\n\n",
        "GET https://example.org:8443?x=1#part HTTP/2.0\n",
        "get HTTP://EXAMPLE.ORG/ HTTP/0.9\n",
        "GET http://[2606:4700::1111]:80/ HTTP/3.0",
        "M-SEARCH http://example.org/a/b?c=d HTTP/1.1\nKey:Value\nOther: Value \r\nEmpty:\n\nbody",
        "POST http://example.org/ HTTP/1.1\nHost: example.org\nContent-Length: 999\nConnection: close\n\nbody",
        "POST http://example.org:8080/ HTTP/1.1\nHost: EXAMPLE.org:8080\n\n",
        "GET http://example.org:/ HTTP/1.1\nKey:Value",
        "GET http://example.org/\u{e4}{x} HTTP/1.1\nKey:\u{e4}\tx\n\n",
    ])
    func accepts(_ request: String) throws { try plugin.validate(request) }

    @Test(
        arguments: [
            ("", 0, "empty"),
            ("\nGET http://a/ HTTP/1.1", 0, "METHOD URL"),
            ("GET", 3, "METHOD URL"),
            (" http://a/ HTTP/1.1", 0, "method is empty"),
            ("G(T http://a/ HTTP/1.1", 1, "method has a character"),
            ("CONNECT http://a/ HTTP/1.1", 0, "tunnels"),
            ("GET http://a/", 13, "version is missing"),
            ("GET http://a/ HTTP/1.2", 14, "version must be"),
            ("GET http://a/ HTTP/1.1 ", 14, "version must be"),
            ("GET http://a/ b HTTP/1.1", 14, "version must be"),
            ("GET  http://a/ HTTP/1.1", 4, "not absolute"),
            ("GET /path HTTP/1.1", 4, "not absolute"),
            ("GET ftp://a/ HTTP/1.1", 4, "scheme ftp"),
            ("GET file:///etc/passwd HTTP/1.1", 4, "scheme file"),
            ("GET http:///x HTTP/1.1", 11, "no host"),
            ("GET http://:80/ HTTP/1.1", 11, "no host"),
            ("GET http://user:secret@a/ HTTP/1.1", 22, "user part"),
            ("GET http://a%2eb/ HTTP/1.1", 12, "host has a character"),
            ("GET http://a\\b/ HTTP/1.1", 12, "host has a character"),
            ("GET http://b\u{fc}cher/ HTTP/1.1", 12, "xn--"),
            ("GET http://a:0/ HTTP/1.1", 13, "port"),
            ("GET http://a:65536/ HTTP/1.1", 13, "port"),
            ("GET http://a:8x/ HTTP/1.1", 14, "port"),
            ("GET http://a:000080/ HTTP/1.1", 13, "port"),
            ("GET http://[::1/ HTTP/1.1", 11, "not closed"),
            ("GET http://[zz]/ HTTP/1.1", 12, "no IPv6"),
            ("GET http://[fe80::1%25eth0]/ HTTP/1.1", 12, "no IPv6"),
            ("GET http://[2606::1]x/ HTTP/1.1", 20, "only a port"),
            ("GET http://a/\u{1}x HTTP/1.1", 13, "control character"),
            ("GET http://a/\rX HTTP/1.1", 13, "control character"),
            ("GET http://a/ HTTP/1.1\nnocolon\n\n", 23, "no colon"),
            ("GET http://a/ HTTP/1.1\n:v\n\n", 23, "no name"),
            ("GET http://a/ HTTP/1.1\n:authority:v\n\n", 23, "no name"),
            ("GET http://a/ HTTP/1.1\nKey :v\n\n", 26, "header name"),
            ("GET http://a/ HTTP/1.1\nA:b\n c:d\n\n", 27, "header name"),
            ("GET http://a/ HTTP/1.1\nKey:a\rEvil: b\n\n", 28, "control character"),
            ("GET http://a/ HTTP/1.1\nKey:a\0b\n\n", 28, "control character"),
            ("GET http://a/ HTTP/1.1\nHost:b\n\n", 28, "Host header"),
            ("GET http://a:81/ HTTP/1.1\nHost:a\n\n", 31, "Host header"),
            ("POST http://a/ HTTP/1.1\nTransfer-Encoding:chunked\n\n", 24, "transfer-encoding"),
            ("HEAD http://a/ HTTP/1.1\n\nbody", 25, "no body"),
            ("TRACE http://a/ HTTP/1.1\n\nbody", 26, "no body"),
        ] as [(String, UInt64, String)])
    func refuses(_ request: String, at offset: UInt64, because words: String) throws {
        let refused = try #require(plugin.refusal(request))
        #expect(refused.status == DN_BAD_INPUT)
        #expect(refused.offset == offset, "\(refused)")
        #expect(refused.message.contains(words), "\(refused)")
    }

    @Test func everyPrefixIsJudged() throws {
        let whole = "POST https://example.org:8443/a?b=c HTTP/1.1\r\nKey: Value\r\nX-Other:v\r\n\r\nbody"
        let bytes = Array(whole.utf8)
        let line = whole.utf8.split(separator: UInt8(ascii: "\r"))[0].count
        let colons = [line + 2 + 4, line + 2 + 12 + 8]
        for count in 0..<bytes.count {
            let prefix = String(decoding: bytes.prefix(count), as: UTF8.self)
            // Complete from the first line on, but for a header whose colon has not come.
            let inName = count > line + 2 && count < colons[0] || count > line + 14 && count < colons[1]
            // A carriage return alone ends no header, but the last line may lack its line feed.
            let isLoneReturn = count == line + 14 + 11 + 1
            let isComplete = count >= line && (!inName || isLoneReturn)
            let refused = plugin.refusal(prefix)
            #expect((refused == nil) == isComplete, "\(count): \(prefix) \(refused.map { "\($0)" } ?? "accepted")")
            if let refused { #expect(refused.status == DN_BAD_INPUT && refused.offset <= UInt64(count), "\(refused)") }
        }
    }

    @Test func everyByteReplaced() throws {
        let bytes = Array("PUT http://example.org/a HTTP/1.1\nKey:Value\n\nbody".utf8)
        for index in bytes.indices {
            for value in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = value
                do { _ = try plugin.validate(changed) } catch let refused as Refused {
                    #expect(refused.status == DN_BAD_INPUT)
                    #expect(refused.offset <= UInt64(bytes.count), "\(refused)")
                }
            }
        }
    }

    @Test func saysWhatItLearned() throws {
        let request = "POST http://user.example.org:8080/secret?token=1 HTTP/1.1\nAuthorization: Bearer x\n\nbody"
        let info = try plugin.validate(request)
        #expect(text(info.target) == "POST user.example.org:8080")
        #expect(info.body_offset == UInt64(request.utf8.count - 4))
        #expect(info.idempotent == DN_IDEMPOTENT_NO)
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            #expect(try plugin.validate("\(method) http://a/ HTTP/1.1").idempotent == DN_IDEMPOTENT_YES)
        }
        for method in ["PATCH", "post", "get", "LOCK"] {
            #expect(try plugin.validate("\(method) http://a/ HTTP/1.1").idempotent == DN_IDEMPOTENT_NO)
        }
        #expect(try plugin.validate("GET http://a/ HTTP/1.1").body_offset == 22)
    }

    @Test func limits() throws {
        let long = "GET http://a/" + String(repeating: "x", count: 70_000) + " HTTP/1.1\n\n"
        #expect(plugin.refusal(long)?.offset == 65_536)
        let headers = "GET http://a/ HTTP/1.1\n" + String(repeating: "Key:Value\n", count: 7_000) + "\n"
        #expect(plugin.refusal(headers)?.message.contains("64 KiB") == true)
        #expect(plugin.refusal("\(String(repeating: "M", count: 65)) http://a/ HTTP/1.1")?.offset == 0)
        #expect(plugin.refusal("GET http://\(String(repeating: "h", count: 256))/ HTTP/1.1")?.offset == 11)
        let small = try Plugin(["max_request_bytes": .number(30)])
        try small.validate("GET http://a/ HTTP/1.1\n\n")
        #expect(small.refusal("GET http://a/ HTTP/1.1\n\n1234567")?.offset == 30)
    }
}
