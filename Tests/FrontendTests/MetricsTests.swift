import Testing

@testable import Telemetry

/// Prometheus text exposition format 0.0.4, read strictly.
struct MetricsTests {
    @Test func familiesAreWrittenOnceAndLabelsEscaped() throws {
        let metrics = Metrics()
        metrics.cell("a_total", "Counts.").add(3)
        metrics.cell("b", "Shows \\ and\nmore.", .gauge).set(-2)
        for name in ["x", "quote\" back\\ line\n"] {
            metrics.histogram("h_seconds", "Times.", labels: ["class": name, "stage": "run"]).record(nanoseconds: 3000)
        }
        metrics.histogram("other_seconds", "Times.").record(nanoseconds: 1)
        metrics.histogram("h_seconds", "Times.", labels: ["class": "x", "stage": "load"]).record(nanoseconds: .max)
        let families = try ExpositionReader.read(metrics.prometheusText())
        #expect(families.map(\.name) == ["a_total", "b", "h_seconds", "other_seconds"])
        #expect(families.map(\.type) == ["counter", "gauge", "histogram", "histogram"])
        #expect(families[1].help == "Shows \\ and\nmore.")
        #expect(families[0].samples.map(\.value) == [3])
        #expect(families[1].samples.map(\.value) == [-2])
        #expect(families[2].samples.contains { $0.labels["class"] == "quote\" back\\ line\n" })
    }

    @Test func theSameSeriesIsOneHistogram() {
        let metrics = Metrics()
        let first = metrics.histogram("h", "Times.", labels: ["a": "1"])
        #expect(metrics.histogram("h", "Times.", labels: ["a": "1"]) === first)
        #expect(metrics.histogram("h", "Times.", labels: ["a": "2"]) !== first)
    }

    @Test func aFrontEndsMetricsAreWellFormed() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/E?inputs=a,b&outputs=x,y", "E")?.status == 201)
        for _ in 0..<5 { #expect(client.send("POST", "/v1/invoke/E", "hello")?.text == "hello") }
        let families = try ExpositionReader.read(try #require(client.send("GET", "/metrics", "")?.text))
        let stages = try #require(families.first { $0.name == "dandelion_task_stage_seconds" })
        for stage in ["queue", "load", "input", "run", "output"] {
            let count = stages.samples.first {
                $0.name.hasSuffix("_count")
                    && $0.labels == ["class": "default", "backend": "scripted", "stage": stage]
            }
            #expect((count?.value ?? 0) >= 5, "\(stage)")
        }
        for name in ["queue_length", "connections", "memory_limit_bytes", "process_resident_bytes", "sandboxes_total"] {
            #expect(families.contains { $0.name == "dandelion_\(name)" }, "\(name)")
        }
        #expect(families.first { $0.name == "dandelion_memory_runs_bytes" }?.samples.first?.value == 0)
    }
}
