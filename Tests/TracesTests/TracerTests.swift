import Config
import Engines
import Foundation
import Glibc
import Telemetry
import Testing
import Values

@testable import Traces

@Suite struct TracerTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"

    private func collector(_ port: UInt16 = 9) throws -> Collector {
        try #require(Collector("http://127.0.0.1:\(port)"))
    }

    private func begin(_ tracer: Tracer, _ flag: Int, low: UInt64 = 1) -> Trace? {
        Array("\(Self.parent)\(flag)".utf8).withUnsafeBytes { tracer.begin(parent: $0, states: [], (7, low)) }
    }

    /// Without a collector a trace is passed on as it came.
    @Test func passesOn() throws {
        let tracer = try Tracer()
        #expect(tracer.begin { (1, 1) } == nil)
        for flag in [0, 1] {
            let trace = try #require(begin(tracer, flag))
            #expect(!trace.isRecorded && trace.passOn().parent == "\(Self.parent)\(flag)")
        }
    }

    @Test func parentsDecide() throws {
        let tracer = try Tracer(TraceSettings(collector: collector(), rate: 1))
        #expect(try #require(begin(tracer, 0)).isRecorded == false)
        let trace = try #require(begin(tracer, 1))
        let (span, parent, _) = trace.passOn()
        #expect(trace.isRecorded && trace.id == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(parent == "00-4bf92f3577b34da6a3ce929d0e0e4736-\(Hex.text(span))-01" && span != 0x00f0_67aa_0ba9_02b7)
        #expect(trace.passOn().span != span)
    }

    @Test func parentsNeedNotDecide() throws {
        let tracer = try Tracer(TraceSettings(collector: collector(), rate: 0.5, followsParents: false))
        #expect(try #require(begin(tracer, 0, low: 1)).isRecorded)
        #expect(try #require(begin(tracer, 1, low: .max)).isRecorded == false)
    }

    @Test(arguments: [0, 0.01, 0.25, 1])
    func theRateIsKept(rate: Double) throws {
        let tracer = try Tracer(TraceSettings(collector: collector(), rate: rate))
        var ids = SpanIDs(seed: 42)
        let count = (0..<20_000).count { _ in tracer.begin { (1, ids.next()) } != nil }
        #expect(abs(Double(count) / 20_000 - rate) < 0.012, "\(count)")
    }

    /// A composition with a million runs fills neither the memory nor the collector.
    @Test func runsOfATraceAreBounded() throws {
        let tracer = try Tracer(TraceSettings(collector: collector(), rate: 1))
        let trace = try #require(tracer.begin { (1, 1) })
        for _ in 0..<5000 { trace.add(Self.run) }
        let finished = FinishedTrace(
            context: trace.context, parent: 0, request: Self.request, happenings: [.run(Self.run)], omitted: 4000,
            clockOffset: 0)
        let (body, count) = SpanEncoder(service: "s").encode([finished])
        #expect(count == 7 && finished.count == 7)
        #expect(
            String(decoding: body, as: UTF8.self).contains(#"{"key":"dandelion.omitted","value":{"intValue":"4000"}}"#))
    }

    private static let run = FunctionRun(
        function: "f", className: "c", backend: "b", timeline: timeline, ended: 60, failure: nil)
    private static let request = ServedRequest(name: "POST /", attributes: [], begun: 1, ended: 100, failure: nil)
    private static var timeline: Timeline {
        var timeline = Timeline()
        (timeline.queued, timeline.dequeued, timeline.loaded) = (10, 20, 30)
        (timeline.inputsPlaced, timeline.ran, timeline.outputsTaken) = (40, 50, 60)
        return timeline
    }

    /// A collector that is away holds nobody up: what is too much is dropped and counted, and the end comes.
    @Test func aCollectorThatIsAwayHoldsNobodyUp() throws {
        let tracer = try Tracer(TraceSettings(collector: collector(), rate: 1, interval: 100_000_000))
        let name = #"dandelion_trace_spans_dropped_total{reason="full"}"#
        let before = Metrics.shared.value(name) ?? 0
        for number in 0..<200 {
            let trace = try #require(tracer.begin { (1, UInt64(number)) })
            for _ in 0..<100 { trace.add(Self.run) }
            trace.end(Self.request)
        }
        // 200 x 601 spans; 16,384 wait, and a batch is with the thread.
        #expect(try #require(Metrics.shared.value(name)) - before >= 120_200 - 16_384 - 2 * 1202)
        let begun = ContinuousClock.now
        tracer.stop()
        #expect(ContinuousClock.now - begun < .seconds(5))
    }

    @Test func stagesThatWereNotReachedHaveNoSpan() {
        var run = Self.run
        run.timeline = Timeline()
        (run.timeline.queued, run.timeline.dequeued) = (10, 20)
        run.failure = "unavailable"
        let finished = FinishedTrace(
            context: TraceContext(high: 1, low: 2, span: 3, isSampled: true), parent: 0, request: Self.request,
            happenings: [.run(run)], omitted: 0, clockOffset: 0)
        #expect(SpanEncoder(service: "s").encode([finished]).1 == 3)
    }
}

@Suite struct CollectorTests {
    @Test func urls() throws {
        let whole = try #require(Collector("https://[::1]:99/otlp/traces"))
        #expect(whole.isSecure && whole.host == "::1" && whole.port == "99" && whole.path == "/otlp/traces")
        #expect(whole.authority == "[::1]:99")
        let short = try #require(Collector("http://collector"))
        #expect(!short.isSecure && short.authority == "collector:4318" && short.path == "/v1/traces")
        for text in [
            "collector:4318", "ftp://a", "http://", "http://a b", "http://a:0", "http://u@a", "http://a?q", "http:///x",
        ] {
            #expect(Collector(text) == nil, "\(text)")
        }
    }
}
