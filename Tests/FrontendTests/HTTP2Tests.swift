import Memory
import Items
import Testing

@testable import Frontend

/// Frames written and read by hand (RFC 9113, 4.1); header blocks hold literals without compression.
struct Frame: Equatable {
    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 255) } + payload
    }

    static let settings = Frame(type: 4, flags: 0, stream: 0, payload: [])

    static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool) -> Frame {
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return Frame(type: 1, flags: end ? 5 : 4, stream: stream, payload: block)
    }

    static func request(_ stream: UInt32, _ method: String, _ path: String, end: Bool = true) -> Frame {
        headers(stream, [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")], end: end)
    }

    static func data(_ stream: UInt32, _ payload: [UInt8], end: Bool) -> Frame {
        Frame(type: 0, flags: end ? 1 : 0, stream: stream, payload: payload)
    }

    static func all(in bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let stream = head[5...8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                Frame(type: head[3], flags: head[4], stream: stream, payload: Array(rest.dropFirst(9).prefix(count))))
            rest = rest.dropFirst(9 + count)
        }
        return frames
    }
}

@Suite struct HTTP2SessionTests {
    private func makeSession(limits: Limits = Limits()) throws -> HTTP2Session {
        let session = try #require(HTTP2Session(limits: limits))
        #expect("\(HTTP2Session.preface)".withBytes { session.receive($0) })
        #expect(receive(session, [.settings]))
        _ = drain(session)
        return session
    }

    private func receive(_ session: HTTP2Session, _ frames: [Frame]) -> Bool {
        frames.flatMap(\.bytes).withUnsafeBytes { session.receive($0) }
    }

    private func drain(_ session: HTTP2Session) -> [Frame] {
        let output = OutputBuffer()
        session.drain(into: output, limit: .max)
        return Frame.all(in: output.all)
    }

    @Test func servesARequest() throws {
        let session = try makeSession()
        #expect(receive(session, [.request(1, "POST", "/hot/x?q", end: false), .data(1, [1, 2], end: false)]))
        #expect(session.ready.isEmpty)
        #expect(receive(session, [.data(1, [3], end: true)]))
        let stream = try #require(session.ready.first)
        #expect(stream.head.method == .post)
        #expect(stream.head.pathBytes.text == "/hot/x")
        #expect(stream.head.queryBytes.text == "q")
        #expect(stream.body.array == [1, 2, 3])
        session.ready = []
        session.respond(1, Response(.ok, .blob(Blob([9, 8, 7]))), date: DateField())
        let frames = drain(session)
        let headers = try #require(frames.first { $0.type == 1 })
        // Static table entry 8 is `:status: 200` (RFC 7541, A).
        #expect(headers.payload.first == 0x88)
        #expect(frames.last == .data(1, [9, 8, 7], end: true))
        #expect(!session.hasStreams)
        #expect(session.cancelled.isEmpty)
    }

    @Test func streamsAreAnsweredInAnyOrder() throws {
        let session = try makeSession()
        #expect(receive(session, [.request(1, "GET", "/a"), .request(3, "HEAD", "/b"), .request(5, "GET", "/c")]))
        #expect(session.ready.map(\.id) == [1, 3, 5])
        session.ready = []
        for id: Int32 in [5, 3, 1] { session.respond(id, Response(.ok, .text("xy")), date: DateField()) }
        let ends = drain(session).filter { $0.type <= 1 && $0.flags & 1 == 1 }
        #expect(Set(ends.map(\.stream)) == [1, 3, 5])
        #expect(ends.first { $0.stream == 3 }?.type == 1)
    }

    @Test func respectsTheClientsWindow() throws {
        let session = try makeSession()
        #expect(receive(session, [.request(1, "GET", "/")]))
        let body = [UInt8](repeating: 1, count: 100_000)
        session.respond(1, Response(.ok, .blob(Blob(body))), date: DateField())
        #expect(drain(session).filter { $0.type == 0 }.map(\.payload.count).reduce(0, +) == 65_535)
        let update = Frame(type: 8, flags: 0, stream: 0, payload: [0, 1, 0, 0])
        var onStream = update
        onStream.stream = 1
        #expect(receive(session, [update, onStream]))
        let rest = drain(session).filter { $0.type == 0 }
        #expect(rest.map(\.payload.count).reduce(0, +) == 34_465)
        #expect(rest.last?.flags == 1)
    }

    @Test func tellsResets() throws {
        let session = try makeSession()
        #expect(
            receive(session, [.request(1, "GET", "/"), Frame(type: 3, flags: 0, stream: 1, payload: [0, 0, 0, 8])]))
        #expect(session.cancelled == [1])
        #expect(session.ready.isEmpty)
        session.respond(1, Response(.ok), date: DateField())
        #expect(drain(session).allSatisfy { $0.type != 1 })
    }

    @Test func largeBodiesAreAnsweredEarly() throws {
        let session = try makeSession(limits: Limits(body: 10))
        let length = [
            (":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "11"),
        ]
        #expect(receive(session, [.headers(1, length, end: false)]))
        #expect(session.ready.first?.problem?.status == .contentTooLarge)
        session.ready = []
        #expect(
            receive(
                session, [.request(3, "PUT", "/", end: false), .data(3, [UInt8](repeating: 0, count: 11), end: false)]))
        #expect(session.ready.map(\.id) == [3])
        #expect(session.ready.first?.problem?.status == .contentTooLarge)
    }

    @Test func bodiesCountAgainstTheBudget() throws {
        let budget = MemoryBudget(limit: 2 << 20)
        let others = try MemoryHold(budget.dataLimit - 3000, budget.own, .bodies)
        do {
            let session = try makeSession(limits: Limits(budget: budget))
            let half = [UInt8](repeating: 0, count: 2000)
            #expect(receive(session, [.request(1, "PUT", "/", end: false), .data(1, half, end: true)]))
            #expect(session.ready.first?.problem == nil)
            #expect(receive(session, [.request(3, "PUT", "/", end: false), .data(3, half, end: true)]))
            #expect(session.ready.map { $0.problem?.status } == [nil, .tooManyRequests])
        }
        #expect(budget.usedByData == budget.dataLimit - 3000)
        withExtendedLifetime(others) {}
    }

    @Test func garbageEndsTheConnection() throws {
        let session = try #require(HTTP2Session(limits: Limits()))
        #expect(!"GET / HTTP/1.1\r\n\r\n".withBytes { session.receive($0) })
    }

    @Test func mutationsAreHarmless() throws {
        var random = Random(seed: 7)
        let sample = [
            Frame.settings, .request(1, "POST", "/a", end: false), .data(1, [1, 2, 3], end: true),
            .request(3, "GET", "/b"),
        ]
        .flatMap(\.bytes)
        var answered = 0
        for _ in 0..<2000 {
            let session = try #require(HTTP2Session(limits: Limits(body: 1000)))
            _ = "\(HTTP2Session.preface)".withBytes { session.receive($0) }
            _ = mutated(sample, &random).withUnsafeBytes { session.receive($0) }
            for stream in session.ready {
                answered += 1
                session.respond(stream.id, Response(.ok, .blob(stream.body)), date: DateField())
            }
            _ = drain(session)
        }
        #expect(answered > 300)
    }
}
