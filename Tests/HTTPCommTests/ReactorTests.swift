import CommHarness
import Glibc
import PluginABI
import Testing

/// The reactor's contract: one completion for each token, readiness, wake, cancel, loans, and nothing left behind.
@Suite(.serialized) struct ReactorTests {
    let origin = Origin()
    var base: String { "http://127.0.0.1:\(origin.port)" }

    /// Whether poll(2) reports the descriptor readable within the time.
    private func isReadable(_ fd: Int32, _ milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&entry, 1, milliseconds) == 1
    }

    @Test func descriptorAloneTellsWhenToPoll() throws {
        let client = try Client(local)
        #expect(!isReadable(client.descriptor, 20))
        for timeout in [0, 100_000_000] as [UInt64] {
            try client.submit("GET \(base)\(timeout == 0 ? "/wait?30" : "/never") HTTP/1.1", timeout: timeout)
            var answers: [Answer] = []
            var polls = 0
            while answers.isEmpty {
                try #require(isReadable(client.descriptor, 3000), "not readable within 3 s")
                answers = try client.poll(0)
                polls += 1
            }
            #expect(answers[0].outcome == (timeout == 0 ? DN_COMM_OK : DN_COMM_DEADLINE))
            #expect(polls < 50)
        }
        #expect(!isReadable(client.descriptor, 20))
        origin.stop()
    }

    @Test func pollWithoutTimeDoesNotWait() throws {
        let client = try Client(local)
        try client.submit("GET \(base)/wait?200 HTTP/1.1")
        let start = monotonic()
        for _ in 0..<100 { #expect(try client.poll(0).isEmpty) }
        #expect(monotonic() - start < 150_000_000)
        #expect(try client.answers(1)[0].text(1) == "waited")
        let waiting = monotonic()
        #expect(try client.poll(50_000_000).isEmpty)
        #expect(monotonic() - waiting >= 49_000_000)
        origin.stop()
    }

    @Test func wakeEndsPoll() throws {
        let client = try Client(local)
        client.plugin.comm.wake?(client.reactor)
        #expect(isReadable(client.descriptor, 0))
        let start = monotonic()
        #expect(try client.poll(5_000_000_000).isEmpty)
        #expect(monotonic() - start < 1_000_000_000)
        #expect(!isReadable(client.descriptor, 0))
        try withOtherThread({ [reactor = UInt(bitPattern: client.reactor), wake = client.plugin.comm.wake] in
            usleep(50_000)
            OpaquePointer(bitPattern: reactor).map { wake?($0) }
        }) { () throws -> Void in
            let answers = try client.poll(5_000_000_000)
            #expect(answers.isEmpty)
        }
        #expect(monotonic() - start < 2_000_000_000)
        origin.stop()
    }

    @Test func cancelAtEveryMoment() throws {
        let client = try Client(local)
        client.cancel(4711)
        #expect(try client.poll(0).isEmpty)
        // At once, while waiting for the answer, and in the middle of the body.
        for (path, delay) in [("/never", 0), ("/never", 30_000_000), ("/slow", 120_000_000)] as [(String, UInt64)] {
            let token = try client.submit("POST \(base)\(path) HTTP/1.1")
            if delay > 0 { #expect(try client.poll(delay).isEmpty) }
            client.cancel(token)
            client.cancel(token)
            #expect(isReadable(client.descriptor, 0))
            let answer = try client.answers(1)[0]
            #expect(answer.token == token && answer.outcome == DN_COMM_CANCELLED && answer.outputs.isEmpty)
            if delay > 0 { #expect(answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED) }
            client.cancel(token)
            #expect(try client.poll(0).isEmpty)
        }
        #expect(try client.perform("GET \(base)/ HTTP/1.1").text(1) == "ok")
        origin.stop()
    }

    @Test func cancelDuringNameLookUpDoesNotBlock() throws {
        let client = try Client(local)
        for index in 0..<8 { client.cancel(try client.submit("GET http://slow-\(index).invalid/ HTTP/1.1")) }
        let start = monotonic()
        let answers = try client.answers(8)
        #expect(monotonic() - start < 500_000_000)
        #expect(answers.allSatisfy { $0.effect == DN_EFFECT_NOT_SENT })
        #expect(answers.allSatisfy { $0.outcome == DN_COMM_CANCELLED || $0.outcome == DN_COMM_RESOLVE })
        origin.stop()
    }

    @Test func cancelsRaceWithAnswers() throws {
        let client = try Client(local)
        let tokens = try (0..<300).map { _ in try client.submit("GET \(base)/ HTTP/1.1") }
        var seen: [UInt64: Int32] = [:]
        try withOtherThread({ [reactor = UInt(bitPattern: client.reactor), cancel = client.plugin.comm.cancel] in
            guard let reactor = OpaquePointer(bitPattern: reactor) else { return }
            for token in tokens.reversed() {
                cancel?(reactor, token)
                usleep(50)
            }
        }) {
            while seen.count < 300 {
                for answer in try client.poll(1_000_000_000) {
                    #expect(seen[answer.token] == nil, "token \(answer.token) completed twice")
                    seen[answer.token] = answer.outcome
                }
            }
        }
        #expect(Set(seen.keys) == Set(tokens))
        #expect(seen.values.allSatisfy { $0 == DN_COMM_OK || $0 == DN_COMM_CANCELLED })
        #expect(try client.poll(20_000_000).isEmpty)
        origin.stop()
    }

    @Test func twoHundredInFlight() throws {
        let client = try Client(local)
        let start = monotonic()
        let tokens = try (0..<200).map { _ in try client.submit("GET \(base)/wait?200 HTTP/1.1") }
        let answers = try client.answers(200)
        #expect(Set(answers.map(\.token)) == Set(tokens))
        #expect(answers.allSatisfy { $0.text(1) == "waited" })
        // One after the other they would take 40 s.
        #expect(monotonic() - start < 8_000_000_000)
        origin.stop()
    }

    @Test func fullReactorIsBusy() throws {
        let client = try Client(Plugin(local), maxInflight: 2)
        for _ in 0..<2 { try client.submit("GET \(base)/wait?50 HTTP/1.1") }
        let refused = #expect(throws: Refused.self) { try client.submit("GET \(base)/ HTTP/1.1") }
        #expect(refused?.status == DN_BUSY)
        #expect(try client.answers(2).count == 2)
        #expect(try client.perform("GET \(base)/ HTTP/1.1").outcome == DN_COMM_OK)
        origin.stop()
    }

    @Test func tokenInUseIsMisuse() throws {
        let client = try Client(local)
        try client.submit(Array("GET \(base)/wait?50 HTTP/1.1".utf8), token: 99)
        let refused = #expect(throws: Refused.self) {
            try client.submit(Array("GET \(base)/ HTTP/1.1".utf8), token: 99)
        }
        #expect(refused?.status == DN_MISUSE)
        #expect(try client.answers(1).map(\.token) == [99])
        origin.stop()
    }

    @Test func outputsLastUntilRelease() throws {
        let client = try Client(local)
        let token = try client.submit("GET \(base)/big?5000 HTTP/1.1")
        var out = dn_completion()
        out.struct_size = UInt32(MemoryLayout<dn_completion>.size)
        var count: UInt64 = 0
        var error = Plugin.emptyError()
        while count == 0 {
            #expect(client.plugin.comm.poll?(client.reactor, 1_000_000_000, &out, 1, &count, &error) == DN_OK)
        }
        for _ in 0..<20 { _ = try client.perform("GET \(base)/chunked HTTP/1.1") }
        let body = try #require(out.outputs)[1]
        #expect(
            UnsafeBufferPointer(start: body.data, count: Int(body.len)).allSatisfy { $0 == 0x62 } && body.len == 5000)
        client.plugin.comm.release?(client.reactor, token)
        client.plugin.comm.release?(client.reactor, token)
        origin.stop()
    }

    @Test func completionsBeyondCapacityWait() throws {
        let client = try Client(local)
        for _ in 0..<20 { try client.submit("GET \(base)/ HTTP/1.1", timeout: 1) }
        var seen = 0
        while seen < 20 {
            try #require(isReadable(client.descriptor, 1000))
            let answers = try client.poll(0, capacity: 3)
            #expect(answers.count <= 3)
            seen += answers.count
        }
        #expect(seen == 20)
        #expect(!isReadable(client.descriptor, 20))
        origin.stop()
    }

    @Test func nothingIsLeftAfterThousandsOfRequests() throws {
        let plugin = try Plugin(local)
        _ = try Client(plugin).perform("GET \(base)/ HTTP/1.1")
        usleep(100_000)
        let before = openDescriptors()
        for round in 0..<4 {
            let client = try Client(plugin)
            let paths = [
                "/", "/close", "/half", "/garbage", "/chunked", "/redirect/302?/", "/big?20000", "/status?500",
            ]
            var open = 0
            for index in 0..<500 {
                let token = try client.submit("GET \(base)\(paths[index % paths.count]) HTTP/1.1")
                if index % 50 == 0 { client.cancel(token) }
                open += 1
                while open >= 32 { open -= try client.poll(1_000_000_000).count }
            }
            _ = try client.answers(open)
            #expect(try client.poll(0).isEmpty, "round \(round)")
        }
        usleep(300_000)
        #expect(openDescriptors() <= before)
        origin.stop()
    }

    @Test func destroyWithRequestsUnderWay() throws {
        let plugin = try Plugin(local)
        let before = openDescriptors()
        do {
            let client = try Client(plugin)
            for _ in 0..<10 { try client.submit("GET \(base)/never HTTP/1.1") }
            #expect(try client.poll(20_000_000).isEmpty)
        }
        usleep(200_000)
        #expect(openDescriptors() <= before)
        origin.stop()
    }

    /// Runs `other` on a thread of its own beside `body`, and waits for both.
    private func withOtherThread(_ other: @escaping @Sendable () -> Void, _ body: () throws -> Void) throws {
        final class Box {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                pointer.map { Unmanaged<Box>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(Box(other)).toOpaque())
        defer { pthread_join(thread, nil) }
        try body()
    }
}
