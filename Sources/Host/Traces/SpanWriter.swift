internal import Engines
internal import Values

/// Writes what happened in traces as spans.
struct SpanWriter {
    /// The numbers that the protocol has for them.
    private enum Kind: Int { case `internal` = 1, server, client }

    private var ids: SpanIDs
    private(set) var count = 0

    init(seed: UInt64) { ids = SpanIDs(seed: seed) }

    mutating func write(_ trace: FinishedTrace, to json: inout JSONWriter) {
        let request = trace.request
        let own = Place(trace, span: trace.context.span, parent: trace.parent)
        span(own, request.name, .server, request.begun, request.ended, request.failure, &json) { json in
            for attribute in request.attributes {
                switch attribute.value {
                case .text(let text): json.attribute(attribute.name, text)
                case .number(let number): json.attribute(attribute.name, number)
                }
            }
            if trace.omitted > 0 { json.attribute("dandelion.omitted", trace.omitted) }
        }
        for happening in trace.happenings {
            switch happening {
            case .run(let run): write(run, of: trace, to: &json)
            case .request(let request): write(request, of: trace, to: &json)
            }
        }
    }

    private mutating func write(_ run: FunctionRun, of trace: FinishedTrace, to json: inout JSONWriter) {
        let place = Place(trace, span: ids.next(), parent: trace.context.span)
        span(place, run.function, .internal, run.timeline.queued, run.ended, run.failure, &json) { json in
            json.attribute("faas.name", run.function)
            json.attribute("dandelion.class", run.className)
            if !run.backend.isEmpty { json.attribute("dandelion.backend", run.backend) }
        }
        let times = run.timeline
        let stages: [(name: String, from: UInt64, to: UInt64)] = [
            ("queue", times.queued, times.dequeued), ("load", times.dequeued, times.loaded),
            ("input", times.loaded, times.inputsPlaced), ("run", times.inputsPlaced, times.ran),
            ("output", times.ran, times.outputsTaken),
        ]
        for stage in stages where stage.from != 0 && stage.to >= stage.from {
            let below = Place(trace, span: ids.next(), parent: place.span)
            span(below, stage.name, .internal, stage.from, stage.to, nil, &json) { _ in }
        }
    }

    private mutating func write(_ request: OutgoingRequest, of trace: FinishedTrace, to json: inout JSONWriter) {
        let words = request.target.split(separator: " ", maxSplits: 1).map(String.init)
        let place = Place(trace, span: request.span, parent: trace.context.span)
        let name = words.first ?? request.function
        span(place, name, .client, request.begun, request.ended, request.failure, &json) { json in
            json.attribute("dandelion.function", request.function)
            json.attribute("network.protocol.name", request.protocolName)
            if words.count == 2 {
                json.attribute("\(request.protocolName).request.method", words[0])
                json.attribute("server.address", words[1])
            }
            if request.status != 0 {
                json.attribute("\(request.protocolName).response.status_code", Int(request.status))
            }
        }
    }

    /// A span's place in its trace.
    private struct Place {
        let trace: FinishedTrace
        let span: UInt64
        /// 0 = none.
        let parent: UInt64

        init(_ trace: FinishedTrace, span: UInt64, parent: UInt64) {
            self.trace = trace
            self.span = span
            self.parent = parent
        }
    }

    private mutating func span(
        _ place: Place, _ name: String, _ kind: Kind, _ begun: UInt64, _ ended: UInt64, _ failure: String?,
        _ json: inout JSONWriter, _ attributes: (inout JSONWriter) -> Void
    ) {
        count += 1
        let context = place.trace.context
        json.object { json in
            json.member("traceId", Hex.text(context.high) + Hex.text(context.low))
            json.member("spanId", Hex.text(place.span))
            if place.parent != 0 { json.member("parentSpanId", Hex.text(place.parent)) }
            if !context.state.isEmpty { json.member("traceState", context.state) }
            // W3C's flags of the trace.
            json.member("flags", 1)
            json.member("name", name)
            json.member("kind", kind.rawValue)
            json.member("startTimeUnixNano", String(begun &+ place.trace.clockOffset))
            json.member("endTimeUnixNano", String(max(begun, ended) &+ place.trace.clockOffset))
            json.list("attributes") { json in
                attributes(&json)
                if let failure { json.attribute("error.type", failure) }
            }
            if let failure {
                json.name("status")
                json.object { json in
                    json.member("message", failure)
                    json.member("code", 2)
                }
            }
        }
    }
}
