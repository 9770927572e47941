internal import Synchronization

/// Durations in powers of two of a microsecond, from 1 us to 67 s.
public final class Histogram: Sendable {
    let name: String
    let help: String
    /// As Prometheus writes them, without braces.
    let labels: String
    private let buckets: [Metrics.Cell]
    private let sum: Metrics.Cell

    init(name: String, help: String, labels: String) {
        self.name = name
        self.help = help
        self.labels = labels
        buckets = (0...27).map { _ in Metrics.Cell(name: "", help: "", kind: .counter) }
        sum = Metrics.Cell(name: "", help: "", kind: .counter)
    }

    public func record(nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1000
        let index = min(UInt64.bitWidth - microseconds.leadingZeroBitCount, buckets.count - 1)
        buckets[index].add()
        sum.add(Int(clamping: nanoseconds))
    }

    func write(to text: inout String) {
        let before = labels.isEmpty ? "" : labels + ","
        let after = labels.isEmpty ? "" : "{\(labels)}"
        var total = 0
        for (index, bucket) in buckets.enumerated() {
            total += bucket.current
            let bound = index == buckets.count - 1 ? "+Inf" : "\(Double(1 << index) / 1e6)"
            text += "\(name)_bucket{\(before)le=\"\(bound)\"} \(total)\n"
        }
        text += "\(name)_sum\(after) \(Double(sum.current) / 1e9)\n\(name)_count\(after) \(total)\n"
    }
}
