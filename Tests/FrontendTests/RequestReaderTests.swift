import Items
import Memory
import Testing

@testable import Frontend

/// What a reader made of a stream of bytes.
struct Outcome: Equatable {
    struct Request: Equatable {
        var method: Method
        var path: String
        var query: String
        var fields: [String]
        var body: [UInt8]
        var keepsAlive: Bool
    }

    var requests: [Request] = []
    var status: Status?
    var leftOver = 0

    /// Feeds `bytes` in pieces of `step` bytes, answering every request at once.
    init(_ bytes: [UInt8], step: Int = .max, limits: Limits = Limits()) {
        var reader = RequestReader(pool: BufferPool(), limits: limits)
        var rest = bytes[...]
        do {
            while !rest.isEmpty {
                let room = try reader.room()
                let piece = rest.prefix(min(step, room.count))
                room.copyBytes(from: piece)
                rest = rest.dropFirst(piece.count)
                reader.received(piece.count)
                try take(&reader)
            }
            leftOver = reader.isIdle ? 0 : 1
        } catch let problem as Problem {
            status = problem.status
        } catch {
            Issue.record("\(error)")
        }
    }

    private mutating func take(_ reader: inout RequestReader) throws {
        while true {
            switch try reader.advance() {
            case .starved: return
            case .head: continue
            case .request:
                let head = reader.head
                requests.append(
                    Request(
                        method: head.method, path: head.pathBytes.text, query: head.queryBytes.text,
                        fields: head.fields.map { "\(head.bytes($0.name).text)=\(head.bytes($0.value).text)" },
                        body: reader.body.array, keepsAlive: head.keepsAlive))
                reader.finish()
            }
        }
    }
}

@Suite struct RequestReaderTests {
    static let corpus = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST /hot/matmul?x=1&y HTTP/1.1\r\nhost:a\r\ncontent-length: 5\r\nX-Empty:\r\n\r\nhello",
        "GET http://node:8080/v1/functions?a HTTP/1.1\r\nHost: node\r\nAccept: \t a, b \t\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA ;q=\"1 5\"\r\n0123456789\r\n"
            + "0\r\nTrailer: x\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /c HTTP/1.0\r\n\r\nGET /d HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "PURGE * HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nxyzOPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
    ].map { Array($0.utf8) }

    @Test func readsRequests() {
        let outcomes = Self.corpus.map { Outcome($0) }
        #expect(outcomes.allSatisfy { $0.status == nil && $0.leftOver == 0 })
        #expect(
            outcomes[0].requests == [
                .init(method: .get, path: "/", query: "", fields: ["Host=a"], body: [], keepsAlive: true)
            ])
        #expect(outcomes[1].requests[0].path == "/hot/matmul")
        #expect(outcomes[1].requests[0].query == "x=1&y")
        #expect(outcomes[1].requests[0].fields == ["host=a", "content-length=5", "X-Empty="])
        #expect(outcomes[1].requests[0].body == Array("hello".utf8))
        #expect(outcomes[2].requests[0].path == "/v1/functions")
        #expect(outcomes[2].requests[0].fields[1] == "Accept=a, b")
        #expect(outcomes[3].requests[0].body == Array("hello0123456789".utf8))
        #expect(outcomes[3].requests.map(\.keepsAlive) == [true, false])
        #expect(outcomes[4].requests.map(\.keepsAlive) == [false, true])
        #expect(outcomes[5].requests.map(\.method) == [.other, .options])
        #expect(outcomes[5].requests[0].body == Array("xyz".utf8))
    }

    @Test func piecesDoNotMatter() {
        for bytes in Self.corpus {
            let whole = Outcome(bytes)
            for step in 1...17 { #expect(Outcome(bytes, step: step) == whole) }
        }
    }

    @Test func truncatedIsUnfinished() {
        for bytes in Self.corpus {
            let whole = Outcome(bytes)
            for count in 0..<bytes.count {
                let outcome = Outcome(Array(bytes.prefix(count)))
                #expect(outcome.status == nil)
                #expect(outcome.requests == Array(whole.requests.prefix(outcome.requests.count)))
                #expect(outcome.requests.count < whole.requests.count)
            }
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", Status.badRequest),
        ("GET / HTTP/1.1\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badRequest),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", .badRequest),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET /\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badRequest),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", .badRequest),
        ("\r\n\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", .contentTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n", .contentTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .notImplemented),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", .expectationFailed),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 5\r\nhello", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", .badRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", .contentTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4000001\r\n", .contentTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", .badRequest),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + String(repeating: "1;\(String(repeating: "x", count: 1000))\r\na\r\n", count: 100), .badRequest
        ),
    ])
    func refuses(_ text: String, _ status: Status) {
        let outcome = Outcome(Array(text.utf8))
        #expect(outcome.status == status)
        #expect(outcome.requests.isEmpty)
        #expect(Outcome(Array(text.utf8), step: 1).status == status)
    }

    @Test func limitsTheHead() {
        let long = String(repeating: "a", count: 70_000)
        #expect(Outcome(Array("GET /\(long)".utf8)).status == .uriTooLong)
        #expect(Outcome(Array("GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n".utf8)).status == .headerFieldsTooLarge)
        let fits = String(repeating: "a", count: 60_000)
        #expect(Outcome(Array("GET / HTTP/1.1\r\nHost: a\r\nX: \(fits)\r\n\r\n".utf8)).requests.count == 1)
        func head(fields: Int) -> [UInt8] {
            Array(("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: 1\r\n", count: fields - 1) + "\r\n").utf8)
        }
        #expect(Outcome(head(fields: 100)).requests.count == 1)
        #expect(Outcome(head(fields: 101)).status == .headerFieldsTooLarge)
    }

    @Test func limitsTheBody() {
        let limits = Limits(body: 100)
        func fixed(_ count: Int) -> [UInt8] {
            Array(
                "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(String(repeating: "x", count: count))"
                    .utf8)
        }
        func chunked(_ count: Int) -> [UInt8] {
            let chunk = "a\r\n0123456789\r\n"
            let head = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            return Array((head + String(repeating: chunk, count: count / 10) + "0\r\n\r\n").utf8)
        }
        #expect(Outcome(fixed(100), limits: limits).requests.first?.body.count == 100)
        #expect(Outcome(fixed(101), limits: limits).status == .contentTooLarge)
        #expect(Outcome(chunked(100), limits: limits).requests.first?.body.count == 100)
        #expect(Outcome(chunked(110), limits: limits).status == .contentTooLarge)
    }

    @Test(arguments: [0, 1, 16_000, 16_384, 100_000, 3_000_000])
    func readsBodiesOfAnySize(_ size: Int) {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let next = Array("GET /next HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let bytes = Array("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n".utf8) + body + next
        let outcome = Outcome(bytes, step: 10_000)
        #expect(outcome.requests.map(\.path) == ["/a", "/next"])
        #expect(outcome.requests.first?.body == body)
    }

    @Test func longChunkedBodyCrossesTheBuffer() {
        var bytes = Array("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        for index in 0..<100 { bytes += Array("3e8\r\n\(String(repeating: "\(index % 10)", count: 1000))\r\n".utf8) }
        bytes += Array("0\r\n\r\n".utf8)
        for step in [999, 4096, 16_384] {
            let body = Outcome(bytes, step: step).requests.first?.body
            #expect(body?.count == 100_000)
            #expect(body?[55_555] == UInt8(ascii: "5"))
        }
    }

    /// An item may live longer than its request: what arrives later must not overwrite it.
    @Test func bodiesStayAsTheyWere() throws {
        var reader = RequestReader(pool: BufferPool(), limits: Limits())
        var kept: [(Blob, [UInt8])] = []
        for index in 0..<300 {
            let body = [UInt8](repeating: UInt8(index & 255), count: 200 + index)
            let bytes = Array("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
            var rest = (bytes + bytes)[...]
            while !rest.isEmpty {
                let room = try reader.room()
                let piece = rest.prefix(min(room.count, 150))
                room.copyBytes(from: piece)
                reader.received(piece.count)
                rest = rest.dropFirst(piece.count)
                var progress = try reader.advance()
                while progress != .starved {
                    if progress == .request {
                        kept.append((reader.body, body))
                        reader.finish()
                    }
                    progress = try reader.advance()
                }
            }
        }
        #expect(kept.count == 600)
        #expect(kept.allSatisfy { $0.array == $1 })
    }

    @Test(arguments: ["Content-Length: 100000", "Transfer-Encoding: chunked"])
    func longBodiesCountAgainstTheBudget(_ field: String) throws {
        let budget = MemoryBudget(limit: 380_000)
        let isChunked = field.hasPrefix("T")
        let body = String(repeating: "x", count: 100_000)
        let text =
            "PUT / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n" + (isChunked ? "186a0\r\n\(body)\r\n0\r\n\r\n" : body)
        func read() throws -> Blob {
            var reader = RequestReader(pool: BufferPool(), limits: Limits(budget: budget))
            var rest = Array(text.utf8)[...]
            while true {
                let room = try reader.room()
                let piece = rest.prefix(room.count)
                room.copyBytes(from: piece)
                reader.received(piece.count)
                rest = rest.dropFirst(piece.count)
                var progress = try reader.advance()
                while progress == .head { progress = try reader.advance() }
                if progress == .request { return reader.body }
            }
        }
        do {
            let kept = try read().slice(0..<10)
            #expect(budget.usedByData >= 100_000)
            #expect(throws: Problem.self) { try read() }
            #expect(kept.text == "xxxxxxxxxx")
        }
        #expect(budget.usedByData == 0)
        #expect(try read().count == 100_000)
    }

    /// Whatever arrives, it is taken the same way in one piece and in many, and nothing traps.
    @Test func mutationsAreTakenTheSameInAnyPieces() {
        var random = Random(seed: 1)
        var refused = 0
        for round in 0..<3000 {
            let bytes = mutated(Self.corpus[round % Self.corpus.count], &random)
            let whole = Outcome(bytes)
            let pieces = Outcome(bytes, step: Int.random(in: 1...40, using: &random))
            #expect(whole == pieces, "\(String(decoding: bytes, as: UTF8.self))")
            if whole.status != nil { refused += 1 }
        }
        #expect(refused > 500)
    }
}
