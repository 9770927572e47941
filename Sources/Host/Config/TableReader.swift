internal import Failure
public import Values

/// A setting's value and where it was written, for mistakes that show only later.
public struct Located<Value: Sendable>: Sendable {
    public var value: Value
    public var place: Place

    public init(_ value: Value, at place: Place) {
        self.value = value
        self.place = place
    }
}

extension Located: Equatable where Value: Equatable {}

/// Reads typed settings out of one table and logs what is wrong with them.
///
/// Each method names a key, which makes the key known; `finish` logs the keys that nobody asked for.
final class TableReader {
    /// Where the table's own key stands.
    let place: Place
    let log: MistakeLog
    private let path: String
    private let entries: [ParsedEntry]
    private let isTable: Bool
    private var known: [String] = []
    private var missing: [String] = []

    /// `path` is the table's full name ("classes.default"), empty for the root. A value that is no table is logged.
    init(_ value: ParsedValue?, path: String, at place: Place, log: MistakeLog) {
        self.path = path
        self.place = place
        self.log = log
        entries = value?.entries ?? []
        if let value, case .table = value.kind { isTable = true } else { isTable = value == nil }
        if let value, !isTable { log.add(value.place, "'\(path)' must be a table, not \(value.kindName)") }
    }

    func entry(_ key: String) -> ParsedEntry? {
        if !known.contains(key) { known.append(key) }
        return entries.first { $0.key == key }
    }

    /// The subtable of that name; an absent one reads as empty.
    func table(_ key: String) -> TableReader {
        let entry = entry(key)
        return TableReader(entry?.value, path: name(key), at: entry?.keyPlace ?? place, log: log)
    }

    /// The subtables of `key`'s table, each named by the user.
    func tables(_ key: String) -> [(name: Located<String>, reader: TableReader)] {
        let outer = table(key)
        return outer.entries.map {
            let reader = TableReader($0.value, path: outer.name($0.key), at: $0.keyPlace, log: log)
            return (Located($0.key, at: $0.keyPlace), reader)
        }
    }

    /// The tables of a list of tables, `[[key]]`.
    func tableList(_ key: String) -> [TableReader] {
        guard let value = entry(key)?.value else { return [] }
        guard case .array(let elements) = value.kind, !elements.isEmpty else {
            log.add(value.place, "'\(name(key))' must be a list of tables, [[\(name(key))]]")
            return []
        }
        return elements.enumerated().map { index, element in
            TableReader(element, path: "\(name(key))[\(index)]", at: element.place, log: log)
        }
    }

    func string(_ key: String) -> Located<String>? {
        guard let value = entry(key)?.value else { return nil }
        guard case .string(let text) = value.kind else { return wrong(key, value, "a string") }
        guard !text.utf8.contains(0) else {
            log.add(value.place, "'\(name(key))' must not contain a zero byte")
            return nil
        }
        return Located(text, at: value.place)
    }

    func required(_ key: String) -> Located<String>? {
        require(key)
        return string(key)
    }

    /// `finish` will log that `key` is missing, if it is.
    func require(_ key: String) {
        if isTable, !entries.contains(where: { $0.key == key }) { missing.append(key) }
    }

    func boolean(_ key: String, default fallback: Bool) -> Bool {
        guard let value = entry(key)?.value else { return fallback }
        guard case .boolean(let flag) = value.kind else { return wrong(key, value, "true or false") ?? fallback }
        return flag
    }

    func integer(_ key: String, in range: ClosedRange<Int64>, default fallback: Int64) -> Int64 {
        guard let value = entry(key)?.value else { return fallback }
        guard case .integer(let number) = value.kind else { return wrong(key, value, "an integer") ?? fallback }
        guard range.contains(number) else {
            let limits = "\(range.lowerBound) to \(range.upperBound)"
            log.add(value.place, "'\(name(key))' must be \(limits), not \(number)")
            return fallback
        }
        return number
    }

    func number(_ key: String, in range: ClosedRange<Double>, default fallback: Double) -> Double {
        guard let value = entry(key)?.value else { return fallback }
        let number: Double
        switch value.kind {
        case .float(let written): number = written
        case .integer(let written): number = Double(written)
        default: return wrong(key, value, "a number") ?? fallback
        }
        guard range.contains(number) else {
            log.add(value.place, "'\(name(key))' must be \(range.lowerBound) to \(range.upperBound), not \(number)")
            return fallback
        }
        return number
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, default fallback: Choice) -> Choice {
        guard let text = string(key) else { return fallback }
        if let choice = Choice(rawValue: text.value) { return choice }
        let hint = Nearest.hint(for: text.value, among: Choice.allCases.map(\.rawValue))
        log.add(text.place, "'\(name(key))' cannot be '\(text.value)', \(hint)")
        return fallback
    }

    /// Bytes: an integer, or text with a unit.
    func size(_ key: String, in range: ClosedRange<UInt64>, default fallback: UInt64) -> UInt64 {
        optionalSize(key, in: range) ?? fallback
    }

    /// As `size`; nil when the key is absent.
    func optionalSize(_ key: String, in range: ClosedRange<UInt64>) -> UInt64? {
        guard let value = entry(key)?.value else { return nil }
        let bytes: UInt64?
        switch value.kind {
        case .integer(let number): bytes = UInt64(exactly: number)
        case .string(let text): bytes = Units.size(text)
        default: return wrong(key, value, "a size such as \"64MiB\"")
        }
        guard let bytes else { return badUnit(key, value, "size", Units.sizes.map(\.name), "64MiB") }
        return within(range, bytes, key, value, Units.sizeText)
    }

    /// Nanoseconds, from text with a unit.
    func time(_ key: String, in range: ClosedRange<UInt64>, default fallback: UInt64) -> UInt64 {
        optionalTime(key, in: range) ?? fallback
    }

    /// As `time`; nil when the key is absent.
    func optionalTime(_ key: String, in range: ClosedRange<UInt64>) -> UInt64? {
        guard let value = entry(key)?.value else { return nil }
        guard case .string(let text) = value.kind else { return wrong(key, value, "a time such as \"500ms\"") }
        guard let time = Units.time(text) else {
            return badUnit(key, value, "time", Units.times.map(\.name), "500ms")
        }
        return within(range, time, key, value, Units.timeText)
    }

    /// Logs the keys that no method was called for, and those that are missing and were not merely misspelled.
    func finish() {
        for entry in entries where !known.contains(entry.key) {
            let place = path.isEmpty ? "" : " in [\(path)]"
            log.add(entry.keyPlace, "unknown key '\(entry.key)'\(place), \(Nearest.hint(for: entry.key, among: known))")
            missing.removeAll { $0 == Nearest.nearest(to: entry.key, among: known) }
        }
        for key in missing { log.add(place, "'\(name(key))' is missing") }
    }

    /// The full name of a key of this table.
    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Logs that `value` has the wrong type; nil, for the caller to return.
    func wrong<Value>(_ key: String, _ value: ParsedValue, _ wanted: String) -> Value? {
        log.add(value.place, "'\(name(key))' must be \(wanted), not \(value.kindName)")
        return nil
    }

    private func badUnit(
        _ key: String, _ value: ParsedValue, _ what: String, _ units: [String], _ example: String
    ) -> UInt64? {
        let text = value.json
        log.add(
            value.place,
            "'\(name(key))' is no \(what): \(text); write a whole number and one of \(units.joined(separator: ", ")): \"\(example)\""
        )
        return nil
    }

    private func within(
        _ range: ClosedRange<UInt64>, _ number: UInt64, _ key: String, _ value: ParsedValue, _ text: (UInt64) -> String
    ) -> UInt64? {
        if range.contains(number) { return number }
        let limits = "\(text(range.lowerBound)) to \(text(range.upperBound))"
        log.add(value.place, "'\(name(key))' must be \(limits), not \(text(number))")
        return nil
    }
}
