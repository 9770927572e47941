internal import Platform

/// What a request's trace has so far. On the loop of the request's connection.
public final class Trace {
    /// Its span is the request's own.
    let context: TraceContext
    /// The client's span; 0 = the trace began here.
    private let parent: UInt64
    private let exporter: SpanExporter?
    private var ids: SpanIDs
    private var happenings: [Happening] = []
    private var omitted = 0

    /// What one request may have; a composition can make a million runs.
    private static let mostHappenings = 1000

    init(_ context: TraceContext, parent: UInt64, ids: SpanIDs, exporter: SpanExporter?) {
        self.context = context
        self.parent = parent
        self.ids = ids
        self.exporter = exporter
    }

    /// Whether anybody gets to see what is added; otherwise the trace is only passed on.
    public var isRecorded: Bool { exporter != nil }

    /// 32 digits.
    public var id: String { Hex.text(context.high) + Hex.text(context.low) }

    public func add(_ run: FunctionRun) { add(.run(run)) }

    public func add(_ request: OutgoingRequest) { add(.request(request)) }

    private func add(_ happening: Happening) {
        guard isRecorded else { return }
        if happenings.count < Self.mostHappenings { happenings.append(happening) } else { omitted += 1 }
    }

    /// A span for a request to another server, and the fields by which that goes on with the trace.
    public func passOn() -> (span: UInt64, parent: String, state: String) {
        // Who does not record has no span of its own to tell of.
        let span = isRecorded ? ids.next() : context.span
        return (span, context.parentField(span: span), context.state)
    }

    /// The request is answered.
    public func end(_ request: ServedRequest) {
        guard let exporter else { return }
        exporter.add(
            FinishedTrace(
                context: context, parent: parent, request: request, happenings: happenings, omitted: omitted,
                clockOffset: Clock.wall() &- Clock.now()))
        happenings = []
    }
}

/// A trace on its way to the collector.
struct FinishedTrace: Sendable {
    let context: TraceContext
    let parent: UInt64
    let request: ServedRequest
    let happenings: [Happening]
    /// Runs and requests beyond those that are told.
    let omitted: Int
    /// What makes CLOCK_REALTIME of CLOCK_MONOTONIC, ns.
    let clockOffset: UInt64

    /// Spans, at most.
    var count: Int {
        happenings.reduce(1) { sum, happening in if case .run = happening { sum + 6 } else { sum + 1 } }
    }
}

/// Numbers of spans: the steps and mixing of SplitMix64.
struct SpanIDs {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        return mixed == 0 ? 1 : mixed
    }
}
