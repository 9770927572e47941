internal import Config
internal import Failure
internal import Platform
internal import Synchronization
internal import Telemetry

/// Sends finished traces to a collector, in batches, on a thread of its own. Nobody waits for it: what finds no room while the
/// collector is slow or away is dropped and counted.
final class SpanExporter: Sendable {
    private struct State {
        var waiting: [FinishedTrace] = []
        var spans = 0
        var isStopping = false
    }

    private let client: CollectorClient
    private let encoder: SpanEncoder
    /// Nanoseconds between two batches.
    private let interval: UInt64
    private let state = Mutex(State())
    private let waker = Parker()
    private let ended = Parker()

    /// Spans that wait at most: some 10 MB.
    private static let mostWaiting = 16_384
    private static let batch = 512
    private static let second: UInt64 = 1_000_000_000
    private static let longestPause = 30 * second

    private static let exported = Metrics.shared.cell(
        "dandelion_trace_spans_exported_total", "Spans that the collector took.")
    private static func dropped(_ reason: String) -> Metrics.Cell {
        Metrics.shared.cell(
            "dandelion_trace_spans_dropped_total",
            "Spans that no collector got: too many waited (full), it would not have them (refused), or the node stopped.",
            labels: ["reason": reason])
    }
    private let full = SpanExporter.dropped("full")
    private let refused = SpanExporter.dropped("refused")
    private let stopped = SpanExporter.dropped("stopped")

    init(_ collector: Collector, _ settings: TraceSettings) throws(Failure) {
        client = CollectorClient(collector)
        encoder = SpanEncoder(service: settings.service)
        interval = settings.interval
        do throws(SystemError) {
            try Thread.start(name: "traces", core: nil) { self.work() }
        } catch {
            throw Failure(.internal, "no thread for traces: \(error)")
        }
    }

    /// Any thread; never waits.
    func add(_ trace: FinishedTrace) {
        let count = trace.count
        let (isKept, wakes) = state.withLock { state in
            guard state.spans + count <= Self.mostWaiting || state.waiting.isEmpty, !state.isStopping else {
                return (false, false)
            }
            let before = state.spans
            state.waiting.append(trace)
            state.spans += count
            return (true, before == 0 || before < Self.batch && state.spans >= Self.batch)
        }
        if !isKept { full.add(count) }
        if wakes { waker.wake() }
    }

    /// Sends what waits, for a second at most, and ends.
    func stop() {
        state.withLock { $0.isStopping = true }
        waker.wake()
        ended.park(nanoseconds: Int64(Self.second))
    }

    // MARK: The thread

    private func work() {
        var due = Clock.now() &+ interval
        while true {
            let (spans, isStopping) = state.withLock { ($0.spans, $0.isStopping) }
            if spans == 0 {
                if isStopping { break }
                waker.park()
                due = Clock.now() &+ interval
                continue
            }
            let now = Clock.now()
            guard spans >= Self.batch || isStopping || now >= due else {
                waker.park(nanoseconds: Int64(due - now))
                continue
            }
            deliver(take())
            due = Clock.now() &+ interval
        }
        ended.wake()
    }

    /// About a batch's worth of what waits.
    private func take() -> [FinishedTrace] {
        state.withLock { state in
            var count = 0
            var taken = 0
            while taken < state.waiting.count, count < Self.batch {
                count += state.waiting[taken].count
                taken += 1
            }
            defer {
                state.waiting.removeFirst(taken)
                state.spans -= count
            }
            return Array(state.waiting[..<taken])
        }
    }

    /// Sends until the collector has taken or refused them, or the node stops; more come meanwhile.
    private func deliver(_ traces: [FinishedTrace]) {
        let (body, count) = encoder.encode(traces)
        var pause = Self.second
        var wasTold = false
        while true {
            switch client.post(body) {
            case .taken(let rejected):
                Self.exported.add(max(0, count - rejected))
                if rejected > 0 { refused.add(rejected) }
                if wasTold { Log.info("traces: the collector takes spans again") }
                return
            case .refused(let reason):
                Log.warning("traces: the collector refuses \(count) spans: \(reason)")
                return refused.add(count)
            case .away(let reason, let seconds):
                if !wasTold { Log.warning("traces: the collector is away, spans wait: \(reason)") }
                wasTold = true
                let isStopping = state.withLock { $0.isStopping }
                if isStopping { return stopped.add(count) }
                waker.park(nanoseconds: Int64(max(pause, seconds &* Self.second)))
                pause = min(pause &* 2, Self.longestPause)
            }
        }
    }
}
