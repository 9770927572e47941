internal import Config
internal import Values

/// How `dandelion top` shows an interval.
struct TopReport {
    let interval: TopInterval
    let node: String

    private func now(_ name: String) -> Double { interval.now["dandelion_\(name)"] }
    private func rate(_ name: String) -> Double { interval.rate("dandelion_\(name)") }

    /// Lines of text.
    var lines: [String] {
        let cores =
            "compute \(Int(now("engines_compute_cores")))  communication \(Int(now("engines_communication_cores")))"
            + "  moved \(Int(now("engines_core_moves_total")))"
        var lines = [
            "dandelion \(node)",
            "",
            "requests   \(Self.number(rate("http_requests_total")))/s"
                + "  in progress \(Int(now("requests_in_progress")))"
                + "  refused \(Self.number(rate("refused_requests_total")))/s"
                + "  failed \(Self.number(rate("http_failed_invocations_total")))/s"
                + "  connections \(Int(now("connections")))",
            "engines    busy \(Int(now("engines_busy")))  queue \(Int(now("queue_length")))"
                + "  sandboxes \(Self.number(rate("sandboxes_total")))/s",
            "cores      \(cores)  CPU \(Self.number(rate("process_cpu_seconds_total") * 100)) %",
            "memory     resident \(Self.bytes(now("process_resident_bytes")))"
                + "  functions \(Self.bytes(now("memory_runs_bytes")))  data \(Self.bytes(now("memory_data_bytes")))"
                + "  of \(Self.bytes(now("memory_limit_bytes")))"
                + "  images \(Self.bytes(now("image_cache_bytes")))",
            "",
        ]
        let heads = ["CLASS", "BACKEND", "RUNS/s"] + TopInterval.stageNames.map { "\($0.uppercased()) p50/p99" }
        let rows = interval.classes.map { row in
            [row.className, row.backend, Self.number(row.rate)]
                + row.times.map { $0.map { "\(Self.time($0.p50))/\(Self.time($0.p99))" } ?? "-" }
        }
        Output.table([heads] + rows) { lines.append($0) }
        return lines
    }

    /// One line of JSON; times in seconds.
    var json: String {
        let values = [
            "requests_in_progress", "connections", "engines_busy", "queue_length", "engines_compute_cores",
            "engines_communication_cores", "engines_core_moves_total", "process_resident_bytes", "memory_runs_bytes",
            "memory_data_bytes", "memory_limit_bytes", "image_cache_bytes",
        ]
        let rates = ["http_requests", "refused_requests", "http_failed_invocations", "sandboxes"]
        var entries = [Self.entry("node", .string(node)), Self.entry("seconds", interval.seconds)]
        entries += values.map { Self.entry($0, now($0)) }
        entries += rates.map { Self.entry("\($0)_per_second", rate("\($0)_total")) }
        entries.append(Self.entry("cpu_percent", rate("process_cpu_seconds_total") * 100))
        entries.append(Self.entry("classes", .array(interval.classes.map(Self.table))))
        return ParsedValue(.table(entries)).json
    }

    private static func table(_ row: TopInterval.ClassRow) -> ParsedValue {
        var entries = [entry("class", .string(row.className)), entry("backend", .string(row.backend))]
        entries.append(entry("runs_per_second", row.rate))
        for times in row.times.compactMap({ $0 }) {
            entries.append(entry("\(times.stage)_p50", times.p50))
            entries.append(entry("\(times.stage)_p99", times.p99))
        }
        return ParsedValue(.table(entries))
    }

    private static func entry(_ key: String, _ kind: ParsedValue.Kind) -> ParsedEntry {
        ParsedEntry(key: key, at: Place(line: 0, column: 0), value: ParsedValue(kind))
    }

    private static func entry(_ key: String, _ value: Double) -> ParsedEntry {
        // JSON has no infinity: what is beyond the last bound takes twice that.
        let value = value.isFinite ? value : 134
        let isWhole = value == value.rounded() && abs(value) < 9e15
        return entry(key, isWhole ? .integer(Int64(value)) : .float(value))
    }

    // MARK: Numbers

    static func number(_ value: Double) -> String {
        if value >= 100 || value == value.rounded() { return "\(Int(value.rounded()))" }
        return "\((value * 10).rounded() / 10)"
    }

    static func bytes(_ value: Double) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = value
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return value > 1e6 ? "-" : "\(number(value)) \(units[unit])"
    }

    static func time(_ seconds: Double) -> String {
        if !seconds.isFinite { return ">67s" }
        if seconds < 1e-3 { return "\(Int((seconds * 1e6).rounded()))us" }
        return seconds < 1 ? "\(Int((seconds * 1e3).rounded()))ms" : "\(number(seconds))s"
    }
}
