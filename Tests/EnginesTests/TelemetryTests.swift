import Telemetry
import Testing

@Suite struct TelemetryTests {
    @Test func durationsFallIntoPowersOfTwo() throws {
        let metrics = Metrics()
        let histogram = metrics.histogram("wait_seconds", "Waits.", labels: ["who": "a\"b"])
        // Below 1 us, 1 us, 3 us, and longer than the last bound.
        for time: UInt64 in [999, 1000, 3000, 1 << 60] { histogram.record(nanoseconds: time) }
        let lines = metrics.prometheusText().split(separator: "\n").map(String.init)
        #expect(lines.prefix(2) == ["# HELP wait_seconds Waits.", "# TYPE wait_seconds histogram"])
        func count(_ bound: String) -> String? {
            lines.first { $0.hasPrefix(#"wait_seconds_bucket{who="a\"b",le="\#(bound)"}"#) }?
                .split(separator: " ").last.map(String.init)
        }
        #expect(count("1e-06") == "1" && count("2e-06") == "2" && count("4e-06") == "3")
        #expect(count("67.108864") == "3" && count("+Inf") == "4")
        #expect(lines.last == #"wait_seconds_count{who="a\"b"} 4"#)
    }

    @Test func aCellIsMadeOnceByNameAndLabels() {
        let metrics = Metrics()
        let first = metrics.cell("runs", "Runs.", labels: ["class": "a"])
        let other = metrics.cell("runs", "Runs.", labels: ["class": "b"])
        _ = metrics.cell("seconds", "Time.", .gauge, scale: 1_000_000)
        metrics.cell("seconds", "Time.", .gauge).set(1_500_000)
        metrics.cell("runs", "Runs.", labels: ["class": "a"]).add(2)
        other.add()
        #expect(first.current == 2 && metrics.value(#"runs{class="b"}"#) == 1 && metrics.value("none") == nil)
        // Families stand together, whenever their cells were made.
        let later = metrics.cell("runs", "Runs.", labels: ["class": "c"])
        later.add(7)
        let rows = [#"runs{class="a"} 2"#, #"runs{class="b"} 1"#, #"runs{class="c"} 7"#, "seconds 1.5"]
        #expect(metrics.snapshot().map { "\($0.name) \($0.value)" } == rows)
    }
}
