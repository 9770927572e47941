internal import Values

extension TableReader {
    /// The elements of a list of strings, each read by `read`; nil when the key is absent.
    func strings<Value: Sendable>(_ key: String, of what: String, _ read: (String) -> Value?) -> [Value]? {
        locatedStrings(key, of: what, read)?.map(\.value)
    }

    /// The same with the places of the elements.
    func locatedStrings<Value: Sendable>(
        _ key: String, of what: String, _ read: (String) -> Value?
    ) -> [Located<Value>]? {
        guard let value = entry(key)?.value else { return nil }
        guard case .array(let elements) = value.kind else { return wrong(key, value, "a list of strings") }
        return elements.compactMap { element in
            if let read = element.text.flatMap(read) { return Located(read, at: element.place) }
            log.add(element.place, "'\(name(key))' must hold strings, each \(what), not \(element.json)")
            return nil
        }
    }

    /// The elements of a list of integers; nil when the key is absent.
    func integers(_ key: String, in range: ClosedRange<Int64>) -> [Int64]? {
        guard let value = entry(key)?.value else { return nil }
        guard case .array(let elements) = value.kind else { return wrong(key, value, "a list of integers") }
        return elements.compactMap { element in
            if case .integer(let number) = element.kind, range.contains(number) { return number }
            log.add(
                element.place,
                "'\(name(key))' must hold integers from \(range.lowerBound) to \(range.upperBound), not \(element.json)"
            )
            return nil
        }
    }
}
