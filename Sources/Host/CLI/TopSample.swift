internal import Values

/// A reading of a node's `/metrics`.
struct TopSample {
    /// Values by name, of metrics without labels.
    private(set) var values: [String: Double] = [:]
    /// Of `dandelion_task_stage_seconds`: counts by bucket, by class, backend and stage.
    private(set) var stages: [Stage: [Bucket]] = [:]

    struct Stage: Hashable {
        var className: String
        var backend: String
        var name: String
    }

    struct Bucket {
        /// Seconds.
        var bound: Double
        /// Of this bucket and those below.
        var count: Double
    }

    /// Reads Prometheus text; nil when it is none.
    init?(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                return nil
            }
            let series = line[..<space]
            guard let brace = series.firstIndex(of: "{") else {
                values[String(series)] = value
                continue
            }
            guard series[..<brace] == "dandelion_task_stage_seconds_bucket" else { continue }
            let labels = Self.labels(series[brace...])
            guard let bound = labels["le"].flatMap({ $0 == "+Inf" ? .infinity : Double($0) }) else { return nil }
            let stage = Stage(
                className: labels["class"] ?? "", backend: labels["backend"] ?? "", name: labels["stage"] ?? "")
            stages[stage, default: []].append(Bucket(bound: bound, count: value))
        }
    }

    subscript(name: String) -> Double { values[name] ?? 0 }

    /// Reads `{a="b",c="d"}`.
    private static func labels(_ text: Substring) -> [String: String] {
        var labels: [String: String] = [:]
        var rest = text.dropFirst()
        while let equals = rest.firstIndex(of: "=") {
            let name = String(rest[..<equals])
            var value = ""
            rest = rest[equals...].dropFirst(2)
            while let character = rest.popFirst(), character != "\"" {
                value.append(character == "\\" ? rest.popFirst().map { $0 == "n" ? "\n" : $0 } ?? "\\" : character)
            }
            labels[name] = value
            if rest.first == "," { rest = rest.dropFirst() }
        }
        return labels
    }
}

/// What happened on a node between two readings.
struct TopInterval {
    let before: TopSample
    let now: TopSample
    let seconds: Double

    /// Events a second.
    func rate(_ name: String) -> Double { max(0, now[name] - before[name]) / seconds }

    /// A class on a backend, and what its functions did.
    struct ClassRow {
        var className: String
        var backend: String
        /// Runs a second.
        var rate: Double
        /// Seconds, by stage: median and 99th percentile; nil when nothing ran.
        var times: [(stage: String, p50: Double, p99: Double)?]
    }

    static let stageNames = ["queue", "load", "input", "run", "output"]

    var classes: [ClassRow] {
        let keys = Set(now.stages.keys.map { [$0.className, $0.backend] }).sorted { $0.lexicographicallyPrecedes($1) }
        return keys.map { key in
            let counts = Self.stageNames.map { name in
                increase(TopSample.Stage(className: key[0], backend: key[1], name: name))
            }
            let runs = Self.stageNames.firstIndex(of: "run").map { counts[$0].last?.count ?? 0 } ?? 0
            return ClassRow(
                className: key[0], backend: key[1], rate: runs / seconds,
                times: zip(Self.stageNames, counts).map { name, buckets in
                    guard let p50 = Self.quantile(0.5, of: buckets), let p99 = Self.quantile(0.99, of: buckets) else {
                        return nil
                    }
                    return (name, p50, p99)
                })
        }
    }

    private func increase(_ stage: TopSample.Stage) -> [TopSample.Bucket] {
        let old = before.stages[stage] ?? []
        return (now.stages[stage] ?? []).enumerated().map { index, bucket in
            TopSample.Bucket(bound: bucket.bound, count: bucket.count - (index < old.count ? old[index].count : 0))
        }
    }

    /// Seconds: the upper bound of the bucket that the quantile lies in.
    private static func quantile(_ share: Double, of buckets: [TopSample.Bucket]) -> Double? {
        guard let all = buckets.last?.count, all > 0 else { return nil }
        return buckets.first { $0.count >= share * all }?.bound
    }
}
