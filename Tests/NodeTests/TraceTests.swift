import Foundation
import Testing

/// Traces of a whole node, as a receiver takes them that knows OpenTelemetry's own definition of the protocol.
@Suite(
    .serialized,
    .enabled(if: Collector.python != nil, "opentelemetry-proto is not there; ./dev test fetches it from PyPI"))
struct TraceTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    private func config(_ collector: Collector, _ more: String = "") -> String {
        """
        [traces]
        endpoint = "http://127.0.0.1:\(collector.port)"
        interval = "100ms"
        headers = { X-Key = "secret" }
        \(more)
        [plugins.process]
        path = "libDandelionProcess.so"
        [plugins.http]
        path = "libDandelionHTTPComm.so"
        [plugins.http.config]
        allow_loopback = true
        [functions.HTTP]
        plugin = "http"
        protocol = "http"
        [classes.process]
        backends = ["process"]
        """
    }

    /// A client's trace goes through a composition to another request, at this same node.
    @Test func aTraceOfAComposition() throws {
        let collector = try Collector()
        let node = try RunningNode(config: config(collector, "rate = 0.0"))
        #expect(try node.register("echo_sets", as: "echo", class: "process").status == 201)
        let text = """
            function echo(in) => (out);
            function HTTP(requests) => (headers, bodies);
            composition Ask(what) => (said) {
                echo(in = all what) => (asked = out);
                HTTP(requests = each asked) => (headers = headers, said = bodies);
            }
            """
        #expect(node.request("PUT", "/v1/compositions/Ask", Array(text.utf8)).status == 201)
        // The function's own words do not count.
        let outgoing = "GET http://127.0.0.1:\(node.port)/healthz HTTP/1.1\nTraceParent: forged\nTraceState: forged=1"
        let parent = "traceparent: 00-\(Self.trace)-00f067aa0ba902b7-01"
        let reply = node.request(
            "POST", "/v1/invoke/Ask", Array(outgoing.utf8), headers: [parent, "tracestate: a=1", "TraceState: b=2"])
        #expect(reply.status == 200 && reply.text == "ok\n", "\(reply.head) \(reply.text)")
        // Not sampled, and no trace: neither leaves a span.
        let unsampled = "traceparent: 00-\(Self.trace)-00f067aa0ba902b7-00"
        #expect(node.request("POST", "/v1/invoke/Ask", Array(outgoing.utf8), headers: [unsampled]).status == 200)
        #expect(node.request("POST", "/v1/invoke/echo", [1]).status == 200)
        let failed = node.request("POST", "/v1/invoke/none", [1], headers: [parent])
        #expect(failed.status == 404)
        #expect(node.stop() == 0)
        #expect(collector.mistakes.isEmpty, "\(collector.mistakes)")

        let spans = collector.spans
        #expect(spans.allSatisfy { $0.trace == Self.trace && $0.service == "dandelion" }, "\(spans.map(\.name))")
        let roots = spans.filter { $0.kind == "SERVER" && $0.parent == "00f067aa0ba902b7" }
        #expect(roots.map(\.name).sorted() == ["POST /v1/invoke/{name}", "POST /v1/invoke/{name}"])
        let root = try #require(roots.first { $0.attributes["faas.name"] as? String == "Ask" })
        #expect(root.state == "a=1,b=2")
        #expect(root.attributes["http.response.status_code"] as? Int == 200)
        let below = spans.filter { $0.parent == root.span }
        #expect(below.map(\.name).sorted() == ["GET", "echo"])
        let run = try #require(below.first { $0.name == "echo" })
        #expect(run.attributes["dandelion.backend"] as? String == "process")
        let stages = spans.filter { $0.parent == run.span }
        #expect(stages.map(\.name) == ["queue", "load", "input", "run", "output"])
        for (one, next) in zip(stages, stages.dropFirst()) { #expect(one.end == next.start) }
        for span in below + stages { #expect(root.start <= span.start && span.end <= root.end, "\(span.name)") }
        let request = try #require(below.first { $0.name == "GET" })
        #expect(request.kind == "CLIENT" && request.attributes["http.response.status_code"] as? Int == 200)
        #expect(request.attributes["server.address"] as? String == "127.0.0.1:\(node.port)")
        // The node at the other end took the trace from the request, with the state.
        let other = try #require(spans.first { $0.parent == request.span })
        #expect(other.name == "GET /healthz" && other.kind == "SERVER" && other.state == "a=1,b=2")
        let missing = try #require(roots.first { $0.span != root.span })
        #expect(missing.attributes["dandelion.problem"] as? String == "notFound" && missing.status == "UNSET")
        #expect(spans.count == 10, "\(spans.map(\.name))")
    }

    /// What waits while the collector is away comes when it is back.
    @Test func aCollectorThatComesBack() throws {
        let collector = try Collector()
        try Data().write(to: URL(fileURLWithPath: collector.folder + "/away"))
        let node = try RunningNode(config: config(collector, "rate = 1.0"))
        #expect(node.request("GET", "/healthz").status == 200)
        func log() -> String { (try? String(contentsOfFile: node.state + "/log", encoding: .utf8)) ?? "" }
        for _ in 0..<500 where !log().contains("the collector is away") { usleep(10_000) }
        #expect(log().contains("traces: the collector is away, spans wait: 503 Service Unavailable"))
        try FileManager.default.removeItem(atPath: collector.folder + "/away")
        for _ in 0..<500 where collector.spans.isEmpty { usleep(10_000) }
        #expect(collector.spans.map(\.name) == ["GET /healthz"] && collector.mistakes.isEmpty)
        let metrics = node.request("GET", "/metrics").text
        #expect(metrics.contains("dandelion_trace_spans_exported_total 1\n"), "\(metrics)")
        #expect(node.stop() == 0)
    }
}

/// `Tests/Collector/collector.py`, running.
final class Collector {
    let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-collector-\(UUID())").path
    let port: Int
    private let process = Process()

    struct DidNotStart: Error {}

    struct Span {
        let service, trace, span, parent, state, name, kind, status: String
        let start, end: Int
        let attributes: [String: Any]
    }

    /// A Python that has the definition.
    static let python: String? = [
        RunningNode.root.appending(path: ".build-tools/bin/python3").path, "/usr/bin/python3",
    ].first { path in
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-c", "import opentelemetry.proto.trace.v1.trace_pb2"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard let python = Self.python else { throw DidNotStart() }
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [RunningNode.root.appending(path: "Tests/Collector/collector.py").path, folder]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(said.split(separator: "\n").first ?? "") else { throw DidNotStart() }
        self.port = port
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var mistakes: String { (try? String(contentsOfFile: folder + "/mistakes", encoding: .utf8)) ?? "" }

    var spans: [Span] {
        let text = (try? String(contentsOfFile: folder + "/spans.jsonl", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            guard let read = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                return nil
            }
            func text(_ name: String) -> String { read[name] as? String ?? "" }
            return Span(
                service: text("service"), trace: text("trace"), span: text("span"), parent: text("parent"),
                state: text("state"), name: text("name"), kind: text("kind"), status: text("status"),
                start: read["start"] as? Int ?? 0, end: read["end"] as? Int ?? 0,
                attributes: read["attributes"] as? [String: Any] ?? [:])
        }
    }
}
