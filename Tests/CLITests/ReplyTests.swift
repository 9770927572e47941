import Testing
import Transport

@testable import dandelion

@Suite struct ReplyTests {
    /// Reads a reply that arrives in parts of `size` bytes.
    private static func read(_ text: String, by size: Int) throws -> HTTPReply {
        var rest = Array(text.utf8)[...]
        var reader = HTTPReplyReader {
            defer { rest = rest.dropFirst(size) }
            return Array(rest.prefix(size))
        }
        return try reader.reply()
    }

    @Test(arguments: [1, 2, 7, 10_000])
    func framings(size: Int) throws {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: a:b\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nX-Y:a:b\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
            "HTTP/1.0 200 OK\nx-y:  a:b\n\nhello",
            "HTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\nHTTP/1.1 200 OK\r\nX-Y: a:b\r\nContent-Length: 5\r\n\r\nhelloand more",
        ] {
            let reply = try Self.read(text, by: size)
            #expect(reply.status == 200 && reply.reason == "OK" && reply.isSuccess)
            #expect(String(decoding: reply.body, as: UTF8.self) == "hello")
            #expect(reply["x-y"] == "a:b")
        }
        #expect(try Self.read("HTTP/1.1 204\r\n\r\n", by: size).status == 204)
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 100_000),
    ])
    func malformed(text: String) {
        for size in [1000, 1 << 20] {
            #expect(throws: HTTPReplyReader.Malformed.self, "\(text.prefix(80))") { try Self.read(text, by: size) }
        }
    }

    @Test func addresses() {
        #expect(NodeAddress("http://127.0.0.1:80/")?.authority == "127.0.0.1:80")
        #expect(NodeAddress("HTTP://node.example")?.authority == "node.example:8080")
        #expect(NodeAddress("localhost:1")?.authority == "localhost:1")
        #expect(NodeAddress("[::1]")?.authority == "[::1]:8080")
        #expect(NodeAddress("http://[::1]:9")?.host == "::1")
        #expect(NodeAddress("https://a")?.authority == "a:443" && NodeAddress("https://a:1")?.isSecure == true)
        #expect(NodeAddress("unix:/run/n")?.path == "/run/n" && NodeAddress("unix:/run/n")?.authority == "localhost")
        for bad in [
            "", "http://", "ftp://a", "unix:", "a:b", "a:0", "a:65536", "a:+1", "::1", "[::1", "a/b:1", "a b", "a:1/x",
            "é:1",
        ] {
            #expect(NodeAddress(bad) == nil, "\(bad)")
        }
    }

    @Test func targets() {
        let request = NodeRequest("PUT", ["v1", "functions", "a/b ?é"], ["class": "x&y", "none": nil, "inputs": ""])
        #expect(request.target == "/v1/functions/a%2Fb%20%3F%C3%A9?class=x%26y&inputs=")
        #expect(NodeRequest("GET", ["v1"]).target == "/v1")
    }

    @Test func items() throws {
        let item = try #require(ItemArgument(argument: "left#7=dir/a=b.csv"))
        #expect(item.set == "left" && item.key == 7 && item.file == "dir/a=b.csv")
        #expect(ItemArgument(argument: "=f")?.set == "")
        for bad in ["x", "x=", "x#=f", "x#-1=f", "x#4294967296=f", "x#y=f"] {
            #expect(ItemArgument(argument: bad) == nil, "\(bad)")
        }
    }

    @Test func theBoundaryIsInNoPart() {
        var body = Multipart()
        body.add(set: "s\"\r\n", ident: "i", key: 0, data: Array("dandelion-0 dandelion-1".utf8))
        let (type, bytes) = body.body()
        #expect(type == "multipart/form-data; boundary=dandelion-2")
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "--dandelion-2\r\nContent-Disposition: form-data; name=\"s%22%0D%0A\"; filename=\"i\"\r\n\r\n"
                + "dandelion-0 dandelion-1\r\n--dandelion-2--\r\n")
    }
}
