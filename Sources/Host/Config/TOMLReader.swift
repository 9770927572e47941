import CToml
internal import Values

/// Reads TOML 1.0 text into a tree of values with places.
enum TOMLReader {
    /// Longer lines are refused: a dotted key may nest once every two bytes, and the parser follows it by recursion.
    static let longestLine = 4096
    /// Deeper nesting is refused, because whoever walks the tree does so by recursion.
    static let deepest = 64

    /// The root table; nil after a mistake was logged.
    static func read(_ text: String, log: MistakeLog) -> ParsedValue? {
        if let line = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .firstIndex(where: { $0.count > longestLine })
        {
            log.add(Place(line: line + 1, column: 1), "the line is longer than \(longestLine) bytes")
            return nil
        }
        var text = text
        let parsed = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars -> OpaquePointer? in
                guard let base = chars.baseAddress else { return ct_parse("", 0) }
                // SAFETY: base has chars.count readable bytes during the call, and ct_parse keeps none of them.
                return ct_parse(base, chars.count)
            }
        }
        guard let parsed else {
            log.add(nil, "out of memory")
            return nil
        }
        defer { ct_free(parsed) }
        return tree(of: parsed, log: log)
    }

    private static func tree(of parsed: OpaquePointer, log: MistakeLog) -> ParsedValue? {
        var line: UInt32 = 0
        var column: UInt32 = 0
        if let message = ct_error(parsed, &line, &column) {
            // SAFETY: message is NUL-terminated and lives until ct_free.
            log.add(Place(line: Int(line), column: Int(column)), String(cString: message))
            return nil
        }
        var count = 0
        // SAFETY: the array of count values lives until ct_free, after this function.
        let values = UnsafeBufferPointer(start: ct_values(parsed, &count), count: count)
        guard !values.isEmpty else {
            log.add(nil, "the parser gave no values")
            return nil
        }
        return convert(0, of: values, depth: 0, log: log)
    }

    private static func convert(
        _ index: Int, of values: UnsafeBufferPointer<ct_value>, depth: Int, log: MistakeLog
    ) -> ParsedValue? {
        let raw = values[index]
        let place = Place(line: Int(raw.line), column: Int(raw.column))
        guard depth < deepest else {
            log.add(place, "values are nested more than \(deepest) deep")
            return nil
        }
        switch raw.kind {
        case CT_TABLE, CT_ARRAY:
            var entries: [ParsedEntry] = []
            for child in raw.first_child..<raw.first_child + raw.child_count {
                guard let value = convert(child, of: values, depth: depth + 1, log: log) else { return nil }
                let key = values[child]
                let keyPlace = Place(line: Int(key.key_line), column: Int(key.key_column))
                entries.append(ParsedEntry(key: text(key.key, key.key_length), at: keyPlace, value: value))
            }
            if raw.kind == CT_ARRAY { return ParsedValue(.array(entries.map(\.value)), at: place) }
            // The parser sorts keys; people expect their own order.
            return ParsedValue(.table(entries.sorted { $0.keyPlace < $1.keyPlace }), at: place)
        case CT_STRING: return ParsedValue(.string(text(raw.text, raw.text_length)), at: place)
        case CT_INTEGER: return ParsedValue(.integer(raw.integer), at: place)
        case CT_FLOAT: return ParsedValue(.float(raw.number), at: place)
        case CT_BOOLEAN: return ParsedValue(.boolean(raw.boolean != 0), at: place)
        default: return ParsedValue(.date, at: place)
        }
    }

    private static func text(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
        // SAFETY: the tree owns length bytes at start.
        String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }
}
