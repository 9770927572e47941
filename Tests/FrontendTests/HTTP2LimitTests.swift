import Engines
import Items
import Memory
import Testing

@testable import Frontend

/// Time limits of streams and the order of their numbers, at a clock that the test turns.
@Suite struct HTTP2LimitTests {
    private func makeSession(limits: Limits = Limits(), window: UInt32? = nil) throws -> HTTP2Session {
        let session = try #require(HTTP2Session(limits: limits))
        #expect("\(HTTP2Session.preface)".withBytes { session.receive($0) })
        var settings = Frame.settings
        if let window { settings.payload = [0, 4] + (0..<4).map { UInt8(window >> (24 - 8 * $0) & 255) } }
        #expect(receive(session, [settings]))
        _ = drain(session)
        return session
    }

    @discardableResult
    private func receive(_ session: HTTP2Session, _ frames: [Frame]) -> Bool {
        frames.flatMap(\.bytes).withUnsafeBytes { session.receive($0) }
    }

    private func drain(_ session: HTTP2Session) -> [Frame] {
        let output = OutputBuffer()
        session.drain(into: output, limit: .max)
        return Frame.all(in: output.all)
    }

    private static let ping = Frame(type: 6, flags: 0, stream: 0, payload: [UInt8](repeating: 0, count: 8))

    private func code(_ frame: Frame) -> UInt8? { frame.payload.last }

    /// Whatever else arrives: each stream's body has its own limit.
    @Test func aStalledUploadIsAnsweredInTime() throws {
        let budget = MemoryBudget(limit: 16 << 20)
        let session = try makeSession(limits: Limits(budget: budget))
        receive(
            session,
            [.request(1, "POST", "/a", end: false)]
                + (0..<4).map { _ in .data(1, [UInt8](repeating: 1, count: 15_000), end: false) })
        #expect(budget.usedByData >= 60_000)
        for tick in 1...40 as ClosedRange<UInt32> {
            session.now = tick
            let other = 1 + 2 * tick
            receive(session, [Self.ping, .request(other, "GET", "/b")])
            session.respond(Int32(other), Response(.ok), date: DateField())
            session.ready = session.ready.filter { $0.id == 1 }
            #expect(session.expire())
            // 20 s and the started second: what came fast earns no longer pause.
            #expect(session.ready.isEmpty == (tick < 21), "at \(tick)")
        }
        #expect(session.ready.first?.problem?.status == .requestTimeout)
        #expect(budget.usedByData < 9000)
        session.respond(1, Response(.requestTimeout, .text("late")), date: DateField())
        #expect(drain(session).contains(.data(1, Array("late".utf8), end: true)))
        // The client never ends its request; the stream goes all the same.
        session.now += 5
        #expect(session.expire())
        #expect(drain(session).filter { $0.type == 3 && $0.stream == 1 }.map(code) == [0])
        #expect(!session.hasStreams)
    }

    @Test func anUploadThatGoesOnMayTakeLong() throws {
        let session = try makeSession()
        receive(session, [.request(1, "POST", "/a", end: false)])
        for tick in 1...100 as ClosedRange<UInt32> {
            session.now = tick
            receive(session, [.data(1, [UInt8](repeating: 1, count: 9000), end: tick == 100)])
            #expect(session.expire())
            _ = drain(session)
        }
        #expect(session.ready.first?.body.count == 900_000)
        #expect(session.ready.first?.problem == nil)
    }

    /// Each 8 KiB are worth a second, up to twenty.
    @Test func paceIsEarned() {
        var pace = Pace(at: 100)
        #expect(pace.expiry == 121)
        pace.note(total: 8191, at: 110)
        #expect(pace.expiry == 121)
        pace.note(total: 5 << 13, at: 110)
        #expect(pace.expiry == 126)
        pace.note(total: 1 << 40, at: 115)
        #expect(pace.expiry == 136)
        pace.note(total: 1 << 40 + 8191, at: 135)
        #expect(pace.expiry == 136)
    }

    @Test func aReaderThatWasFastMayNotPauseForLonger() throws {
        let session = try makeSession(window: 900_000)
        receive(session, [.request(1, "GET", "/a")])
        session.respond(1, Response(.ok, .blob(Blob([UInt8](repeating: 2, count: 1 << 20)))), date: DateField())
        var resetAt: UInt32?
        var taken = 0
        for tick in 1...60 as ClosedRange<UInt32> {
            session.now = tick
            if tick == 1 { receive(session, [Frame(type: 8, flags: 0, stream: 0, payload: [0, 15, 255, 255])]) }
            #expect(session.expire())
            let frames = drain(session)
            taken += frames.filter { $0.type == 0 }.reduce(0) { $0 + $1.payload.count }
            if frames.contains(where: { $0.type == 3 }) { resetAt = tick }
        }
        #expect(taken == 900_000)
        // What was taken is seen when a limit might have passed, within the pause.
        #expect(resetAt.map { $0 <= 42 } == true, "\(resetAt as Any)")
    }

    /// A few bytes can refer to thousands of fields, each of which takes its time.
    @Test func headsWithoutEndEndTheConnection() throws {
        let session = try makeSession()
        // Entry 16 of the static table, accept-encoding, again and again.
        var much = Frame.request(1, "GET", "/")
        much.payload += [UInt8](repeating: 0x90, count: 900)
        #expect(receive(session, [much]))
        #expect(session.ready.first?.problem?.status == .headerFieldsTooLarge)
        var long = Frame.request(3, "GET", "/")
        long.payload += [UInt8](repeating: 0x90, count: 10_000)
        #expect(!receive(session, [long]))
        #expect(session.ready.allSatisfy { $0.id != 3 })
        #expect(drain(session).contains { $0.type == 7 && $0.payload[7] == 0xb })
    }

    @Test func anAnswerThatNobodyTakesIsDropped() throws {
        let budget = MemoryBudget(limit: 16 << 20)
        let session = try makeSession(limits: Limits(budget: budget), window: 0)
        receive(session, [.request(1, "GET", "/a"), .request(3, "GET", "/b")])
        let storage = try ChargedStorage(capacity: 100_000, budget.own, .outputs)
        try storage.fill(to: 100_000)
        var body: Blob? = Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: 100_000)
        session.respond(1, Response(.ok, .blob(try #require(body))), date: DateField())
        body = nil
        session.respond(3, Response(.ok, .blob(Blob([UInt8](repeating: 2, count: 50_000)))), date: DateField())
        for tick in 1...60 as ClosedRange<UInt32> {
            session.now = tick
            // The other stream's window opens bit by bit.
            if tick <= 5 { receive(session, [Frame(type: 8, flags: 0, stream: 3, payload: [0, 0, 39, 16])]) }
            receive(session, [Self.ping])
            #expect(session.expire())
            let resets = drain(session).filter { $0.type == 3 }
            #expect(resets.map(\.stream) == (tick == 21 ? [1] : []), "at \(tick)")
        }
        #expect(!session.hasStreams)
        #expect(session.cancelled.isEmpty)
    }

    @Test func aHeadThatStaysOutEndsTheConnection() throws {
        let session = try makeSession()
        var head = Frame.request(1, "GET", "/")
        head.flags = 1
        receive(session, [head])
        session.now = 10
        #expect(session.expire())
        session.now = 11
        #expect(!session.expire())
    }

    @Test(arguments: [[5, 3], [7, 1], [5, 5], [1, 3, 2]] as [[UInt32]])
    func headersOnALowerStreamEndTheConnection(_ streams: [UInt32]) throws {
        let session = try makeSession()
        for stream in streams {
            receive(session, [.request(stream, "GET", "/")])
            for ready in session.ready { session.respond(ready.id, Response(.ok), date: DateField()) }
            session.ready = []
        }
        let goAway = try #require(drain(session).first { $0.type == 7 })
        // A stream that was there is closed, others never were.
        #expect(goAway.payload[7] == (streams == [5, 5] ? 5 : 1))
        #expect(session.isFinished)
    }

    /// What was on its way when the node reset the stream is no error.
    @Test func theRestOfARefusedRequestIsIgnored() throws {
        let session = try makeSession(limits: Limits(body: 10))
        receive(
            session, [.request(1, "POST", "/", end: false), .data(1, [UInt8](repeating: 0, count: 20), end: false)])
        session.ready = []
        session.respond(1, Response(.contentTooLarge), date: DateField())
        _ = drain(session)
        session.now = 5
        #expect(session.expire())
        #expect(drain(session).contains { $0.type == 3 && $0.stream == 1 })
        receive(
            session, [.data(1, [1, 2, 3], end: false), .headers(1, [("x", "y")], end: true), .request(3, "GET", "/")])
        #expect(session.ready.map(\.id) == [3])
        #expect(drain(session).allSatisfy { $0.type != 7 })
    }

    @Test func streamsBeyondTheLimitMayFollowWithTheirBodies() throws {
        let session = try makeSession()
        for stream in stride(from: 1, through: 201, by: 2) as StrideThrough<UInt32> {
            receive(session, [.request(stream, "POST", "/", end: false)])
        }
        receive(session, [.data(201, [1], end: true)])
        let frames = drain(session)
        #expect(frames.filter { $0.type == 3 }.map(\.stream) == [201])
        #expect(frames.allSatisfy { $0.type != 7 })
    }

    @Test(arguments: ["a,b", "a/b", "u@a", "a:b", "[::1"])
    func theAuthorityIsChecked(_ authority: String) throws {
        let session = try makeSession()
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority)]
        receive(session, [.headers(1, fields, end: true)])
        // nghttp2 refuses some of them by itself.
        #expect(session.ready.allSatisfy { $0.problem?.status == .badRequest })
        #expect(!session.ready.isEmpty || drain(session).contains { $0.type == 3 })
    }

    @Test func hostMustAgreeWithTheAuthority() throws {
        let session = try makeSession()
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a:80")]
        receive(session, [.headers(1, fields + [("host", "A:80")], end: true)])
        receive(session, [.headers(3, fields + [("host", "b")], end: true)])
        #expect(session.ready.map { $0.problem?.status } == [nil, .badRequest])
    }
}
