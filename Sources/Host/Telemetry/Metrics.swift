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
        /// How many of what is counted make one of the unit that the name ends with.
        let scale: Int
        private let value = Atomic<Int>(0)

        init(name: String, help: String, kind: Kind, scale: Int = 1) {
            self.name = name
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
    }

    private struct Tables {
        var cells: [Cell] = []
        /// One family after another.
        var histograms: [Histogram] = []
    }

    private let tables = Mutex(Tables())
    private static let limit = 1024

    public init() {}

    /// The cell of that name, made if it is new; one that is not exported when there are too many.
    ///
    /// Prometheus wants base units: `scale` 1_000_000 for a cell that counts microseconds and is named in seconds.
    public func cell(_ name: String, _ help: String, _ kind: Kind = .counter, scale: Int = 1) -> Cell {
        tables.withLock { tables in
            if let known = tables.cells.first(where: { $0.name == name }) { return known }
            let cell = Cell(name: name, help: help, kind: kind, scale: scale)
            if tables.cells.count < Self.limit { tables.cells.append(cell) }
            return cell
        }
    }

    /// The histogram of that name and those labels, made if it is new; one that is not exported when there are too many.
    public func histogram(
        _ name: String, _ help: String, labels: KeyValuePairs<StaticString, String> = [:]
    ) -> Histogram {
        let text = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
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

    /// The current value by name.
    public func value(_ name: String) -> Int? {
        tables.withLock { tables in tables.cells.first { $0.name == name }?.current }
    }

    /// Names and values, as decimal numbers, of all cells, in the order of definition.
    public func snapshot() -> [(name: String, value: String)] {
        tables.withLock { tables in tables.cells.map { ($0.name, $0.text) } }
    }

    /// Prometheus text exposition format 0.0.4.
    public func prometheusText() -> String {
        let tables = tables.withLock { $0 }
        var text = ""
        for cell in tables.cells {
            text += Self.head(cell.name, cell.help, cell.kind == .counter ? "counter" : "gauge")
            text += "\(cell.name) \(cell.text)\n"
        }
        var family = ""
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
