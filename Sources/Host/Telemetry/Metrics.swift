internal import Synchronization

/// Counters, gauges and latency histograms; adding is wait-free, reading makes Prometheus text.
public final class Metrics: Sendable {
    public enum Kind: Sendable { case counter, gauge }

    public static let shared = Metrics()

    /// A number that only `add` changes.
    public final class Cell: Sendable {
        let name: String
        /// As they stand between braces; empty = none.
        let labels: String
        let help: String
        let kind: Kind
        /// How many of what is counted make one of the unit that the name ends with.
        let scale: Int
        private let value = Atomic<Int>(0)

        init(name: String, labels: String = "", help: String, kind: Kind, scale: Int = 1) {
            self.name = name
            self.labels = labels
            self.help = help
            self.kind = kind
            self.scale = max(1, scale)
        }

        /// In the unit, in decimal notation.
        var text: String {
            let value = current
            return scale == 1 ? String(value) : String(Double(value) / Double(scale))
        }

        public func add(_ amount: Int = 1) { value.wrappingAdd(amount, ordering: .relaxed) }
        public func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }
        public var current: Int { value.load(ordering: .relaxed) }
        /// With the labels.
        var fullName: String { labels.isEmpty ? name : "\(name){\(labels)}" }
    }

    private struct Tables {
        /// One family after another, as the histograms are.
        var cells: [Cell] = []
        var histograms: [Histogram] = []
    }

    private let tables = Mutex(Tables())
    private static let limit = 1024

    public init() {}

    /// The cell of that name and those labels, made if it is new; one that is not exported when there are too many.
    ///
    /// Prometheus wants base units: `scale` 1_000_000 for a cell that counts microseconds and is named in seconds.
    public func cell(
        _ name: String, _ help: String, _ kind: Kind = .counter, scale: Int = 1,
        labels: KeyValuePairs<StaticString, String> = [:]
    ) -> Cell {
        let labels = Self.text(of: labels)
        return tables.withLock { tables in
            let place = tables.cells.lastIndex { $0.name == name }
            if let place, let known = tables.cells[...place].first(where: { $0.name == name && $0.labels == labels }) {
                return known
            }
            let cell = Cell(name: name, labels: labels, help: help, kind: kind, scale: scale)
            guard tables.cells.count < Self.limit else { return cell }
            tables.cells.insert(cell, at: place.map { $0 + 1 } ?? tables.cells.count)
            return cell
        }
    }

    /// The histogram of that name and those labels, made if it is new; one that is not exported when there are too many.
    public func histogram(
        _ name: String, _ help: String, labels: KeyValuePairs<StaticString, String> = [:]
    ) -> Histogram {
        let text = Self.text(of: labels)
        return tables.withLock { tables in
            let place = tables.histograms.lastIndex { $0.name == name }
            if let place, let known = tables.histograms[...place].first(where: { $0.name == name && $0.labels == text })
            {
                return known
            }
            let histogram = Histogram(name: name, help: help, labels: text)
            guard tables.histograms.count < Self.limit else { return histogram }
            tables.histograms.insert(histogram, at: place.map { $0 + 1 } ?? tables.histograms.count)
            return histogram
        }
    }

    private static func text(of labels: KeyValuePairs<StaticString, String>) -> String {
        labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    }

    /// The current value by name, with the labels between braces if it has any.
    public func value(_ name: String) -> Int? {
        tables.withLock { tables in tables.cells.first { $0.fullName == name }?.current }
    }

    /// Names and values, as decimal numbers, of all cells, in the order of definition.
    public func snapshot() -> [(name: String, value: String)] {
        tables.withLock { tables in tables.cells.map { ($0.fullName, $0.text) } }
    }

    /// Prometheus text exposition format 0.0.4.
    public func prometheusText() -> String {
        let tables = tables.withLock { $0 }
        var text = ""
        var family = ""
        for cell in tables.cells {
            if cell.name != family {
                text += Self.head(cell.name, cell.help, cell.kind == .counter ? "counter" : "gauge")
            }
            family = cell.name
            text += "\(cell.fullName) \(cell.text)\n"
        }
        for histogram in tables.histograms {
            if histogram.name != family { text += Self.head(histogram.name, histogram.help, "histogram") }
            family = histogram.name
            histogram.write(to: &text)
        }
        return text
    }

    private static func head(_ name: String, _ help: String, _ type: String) -> String {
        // A plugin's words may hold anything.
        let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
