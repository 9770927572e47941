import Glibc
import Items
import Testing

@testable import Frontend

@Suite struct OutputBufferTests {
    /// Against a plain array: any order of appending and sending keeps the bytes.
    @Test func keepsTheOrder() {
        var random = Random(seed: 6)
        for _ in 0..<200 {
            let output = OutputBuffer()
            var expected: [UInt8] = []
            var sent: [UInt8] = []
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let size =
                    [0, 1, 100, OutputBuffer.longBlob, OutputBuffer.longBlob + 7].randomElement(using: &random) ?? 0
                let bytes = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size)
                expected += bytes
                if Bool.random(using: &random) { output.append(Blob(bytes)) } else { output.append(bytes) }
                if Bool.random(using: &random) { send(&sent, output, Int.random(in: 0...50_000, using: &random)) }
                #expect(output.count == expected.count - sent.count)
            }
            while output.count > 0 { send(&sent, output, 10_000) }
            #expect(sent == expected)
        }
    }

    private func send(_ sent: inout [UInt8], _ output: OutputBuffer, _ limit: Int) {
        let vectors = UnsafeMutableBufferPointer<iovec>.allocate(capacity: 3)
        defer { vectors.deallocate() }
        var rest = limit
        for vector in vectors.prefix(output.gather(vectors, limit: .max)) {
            let count = min(rest, vector.iov_len)
            sent += Bytes(start: vector.iov_base, count: count)
            rest -= count
        }
        output.consume(limit - rest)
    }

    @Test func writesNumbers() {
        let output = OutputBuffer()
        for value in [0, 9, 10, 12345, -1, Int.max, Int.min] {
            output.append(decimal: value)
            output.append(ASCII.space)
        }
        #expect(output.text == "0 9 10 12345 -1 9223372036854775807 -9223372036854775808 ")
    }
}

@Suite struct ResponseWriterTests {
    private func written(_ response: Response, to request: String = "GET / HTTP/1.1", closes: Bool = false) throws
        -> String
    {
        var reader = RequestReader(pool: BufferPool(), limits: Limits())
        let bytes = Array("\(request)\r\nHost: a\r\n\r\n".utf8)
        try reader.room().copyBytes(from: bytes)
        reader.received(bytes.count)
        #expect(try reader.advance() == .head)
        let date = DateField()
        date.update(wall: 784_111_777 * 1_000_000_000)
        let output = OutputBuffer()
        ResponseWriter.write(response, to: reader.head, closes: closes, date: date, output: output)
        return output.text
    }

    private let start = "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

    @Test func hasLengthAndContent() throws {
        let response = Response(.ok, contentType: "text/plain", .text("hello"))
        #expect(try written(response) == start + "content-length: 5\r\ncontent-type: text/plain\r\n\r\nhello")
        #expect(try written(Response(.ok)) == start + "content-length: 0\r\n\r\n")
    }

    @Test func headHasTheLengthOnly() throws {
        #expect(
            try written(Response(.ok, .text("hello")), to: "HEAD / HTTP/1.1") == start + "content-length: 5\r\n\r\n")
    }

    @Test func noContentHasNoLength() throws {
        let text = try written(Response(.noContent))
        #expect(text == "HTTP/1.1 204 No Content\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n")
    }

    @Test func tellsTheConnectionsEnd() throws {
        #expect(try written(Response(.ok), closes: true).hasSuffix("\r\nconnection: close\r\n\r\n"))
        #expect(try written(Response(.ok), to: "GET / HTTP/1.0").hasSuffix("\r\nconnection: keep-alive\r\n\r\n"))
    }

    @Test func problemsSayHowToGoOn() throws {
        let text = try written(Response(Problem.methodNotAllowed("GET, HEAD"), instance: "/"))
        #expect(text.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
        #expect(text.contains("\r\ncontent-type: application/problem+json\r\nallow: GET, HEAD\r\n\r\n{"))
    }
}
