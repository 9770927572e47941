internal import Synchronization

/// Counters, gauges and latency histograms; adding is wait-free, reading makes Prometheus text.
public final class Metrics: Sendable {
    public enum Kind: Sendable { case counter, gauge }

    public static let shared = Metrics()

    /// A number that only `add` changes.
    public final class Cell: Sendable {
        let name: String
        let help: String
        let kind: Kind
        private let value = Atomic<Int>(0)

        init(name: String, help: String, kind: Kind) {
            self.name = name
            self.help = help
            self.kind = kind
        }

        public func add(_ amount: Int = 1) { value.wrappingAdd(amount, ordering: .relaxed) }
        public func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }
        public var current: Int { value.load(ordering: .relaxed) }
    }

    /// Durations in powers of two of a microsecond, from 1 us to 67 s.
    public final class Histogram: Sendable {
        let name: String
        let help: String
        private let buckets: [Cell]
        private let sum: Cell

        init(name: String, help: String) {
            self.name = name
            self.help = help
            buckets = (0...27).map { _ in Cell(name: "", help: "", kind: .counter) }
            sum = Cell(name: "", help: "", kind: .counter)
        }

        public func record(nanoseconds: UInt64) {
            let microseconds = nanoseconds / 1000
            let index = min(UInt64.bitWidth - microseconds.leadingZeroBitCount, buckets.count - 1)
            buckets[index].add()
            sum.add(Int(clamping: nanoseconds))
        }

        fileprivate func write(to text: inout String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
            var total = 0
            for (index, bucket) in buckets.enumerated() {
                total += bucket.current
                let bound = index == buckets.count - 1 ? "+Inf" : "\(Double(1 << index) / 1e6)"
                text += "\(name)_bucket{le=\"\(bound)\"} \(total)\n"
            }
            text += "\(name)_sum \(Double(sum.current) / 1e9)\n\(name)_count \(total)\n"
        }
    }

    private struct Tables {
        var cells: [Cell] = []
        var histograms: [Histogram] = []
    }

    private let tables = Mutex(Tables())
    private static let limit = 1024

    public init() {}

    /// The cell of that name, made if it is new; one that is not exported when there are too many.
    public func cell(_ name: String, _ help: String, _ kind: Kind = .counter) -> Cell {
        tables.withLock { tables in
            if let known = tables.cells.first(where: { $0.name == name }) { return known }
            let cell = Cell(name: name, help: help, kind: kind)
            if tables.cells.count < Self.limit { tables.cells.append(cell) }
            return cell
        }
    }

    public func histogram(_ name: String, _ help: String) -> Histogram {
        tables.withLock { tables in
            if let known = tables.histograms.first(where: { $0.name == name }) { return known }
            let histogram = Histogram(name: name, help: help)
            tables.histograms.append(histogram)
            return histogram
        }
    }

    /// The current value by name.
    public func value(_ name: String) -> Int? {
        tables.withLock { tables in tables.cells.first { $0.name == name }?.current }
    }

    /// Names and values of all cells, in the order of definition.
    public func snapshot() -> [(name: String, value: Int)] {
        tables.withLock { tables in tables.cells.map { ($0.name, $0.current) } }
    }

    /// Prometheus text exposition format 0.0.4.
    public func prometheusText() -> String {
        let tables = tables.withLock { $0 }
        var text = ""
        for cell in tables.cells {
            let type = cell.kind == .counter ? "counter" : "gauge"
            text += "# HELP \(cell.name) \(cell.help)\n# TYPE \(cell.name) \(type)\n\(cell.name) \(cell.current)\n"
        }
        for histogram in tables.histograms { histogram.write(to: &text) }
        return text
    }
}
