public import Config
public import Failure

/// Decides whose requests are traced.
public final class Tracer: Sendable {
    private let settings: TraceSettings
    private let exporter: SpanExporter?
    /// A request without a parent is traced when its random number is not above; nil = none is.
    private let threshold: UInt64?

    /// Without a collector, traces are passed on and not recorded.
    /// - Throws: `.internal` when no thread can be made.
    public init(_ settings: TraceSettings = TraceSettings()) throws(Failure) {
        self.settings = settings
        exporter = try settings.collector.map { (collector) throws(Failure) in
            try SpanExporter(collector, settings)
        }
        guard exporter != nil, settings.rate > 0 else {
            threshold = nil
            return
        }
        threshold = settings.rate >= 1 ? .max : UInt64(settings.rate * 0x1p64)
    }

    /// A trace for a request that has no traceparent; nil when it is not one of those that are traced.
    /// - Parameter id: makes a number that no other request has, whose low half is random.
    @inline(__always)
    public func begin(_ id: () -> (high: UInt64, low: UInt64)) -> Trace? {
        guard let threshold else { return nil }
        return begin(id(), threshold)
    }

    private func begin(_ id: (high: UInt64, low: UInt64), _ threshold: UInt64) -> Trace? {
        guard id.low <= threshold else { return nil }
        var ids = SpanIDs(seed: id.low)
        let context = TraceContext(high: id.high, low: id.low, span: ids.next(), isSampled: true)
        return Trace(context, parent: 0, ids: ids, exporter: exporter)
    }

    /// A trace for a request with a traceparent, which decides whether it is recorded, if the settings let it.
    /// - Parameter states: the fields tracestate.
    /// - Returns: nil when the field is none.
    public func begin(
        parent: UnsafeRawBufferPointer, states: [UnsafeRawBufferPointer], _ id: (high: UInt64, low: UInt64)
    ) -> Trace? {
        guard var context = TraceContext(parent: parent) else { return nil }
        context.take(states: states)
        let isWanted = settings.followsParents ? context.isSampled : threshold.map { id.low <= $0 } ?? false
        guard exporter != nil, isWanted else {
            return Trace(context, parent: 0, ids: SpanIDs(seed: id.low), exporter: nil)
        }
        var ids = SpanIDs(seed: id.low)
        let before = context.span
        context.span = ids.next()
        context.isSampled = true
        return Trace(context, parent: before, ids: ids, exporter: exporter)
    }

    /// Sends what waits, for a second at most. When no request is answered any more.
    public func stop() { exporter?.stop() }
}
