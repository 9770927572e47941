internal import FoundationEssentials
internal import Items

/// Item sets as JSON: `{"sets": [{"name": …, "items": [{"ident": …, "key": …, "data": base64 or "text": string}]}]}`.
enum JSONSets {
    private struct Document: Decodable {
        var sets: [Set]
    }

    private struct Set: Decodable {
        var name: String?
        var items: [Element]
    }

    private struct Element: Decodable {
        var ident: String?
        var key: Int?
        var data: Data?
        var text: String?
    }

    /// Sets without a name have an empty one.
    static func parse(_ body: Blob) throws(Problem) -> [ItemSet] {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: body.withUnsafeBytes { Data($0) })
        } catch {
            throw .malformed("JSON body: \(describe(error))")
        }
        var sets: [ItemSet] = []
        for set in document.sets {
            var items: [Item] = []
            for (index, element) in set.items.enumerated() {
                let place = "JSON body: sets.\(sets.count).items.\(index)"
                guard let key = UInt32(exactly: element.key ?? 0) else {
                    throw .malformed("\(place).key is outside 0...4294967295")
                }
                guard element.data == nil || element.text == nil else {
                    throw .malformed("\(place) has both data and text")
                }
                let data = element.data.map { $0.withUnsafeBytes { Blob(copying: $0) } } ?? Blob(element.text ?? "")
                items.append(Item(ident: Blob(element.ident ?? ""), key: key, data: data))
            }
            sets.append(ItemSet(name: Blob(set.name ?? ""), items: items))
        }
        return sets
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
            return path.isEmpty ? "" : "\(path): "
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context))\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return "\(place(context))\(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }

    /// Data that is readable as UTF-8 appears as `text`, any other as `data` in base64.
    static func write(_ sets: [ItemSet]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("sets")
            json.array { json in
                for set in sets { write(set, to: &json) }
            }
        }
        return json.bytes
    }

    /// What text does not hold.
    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != ASCII.tab && byte != ASCII.lineFeed && byte != ASCII.carriageReturn || byte == 0x7f
    }

    private static func write(_ set: ItemSet, to json: inout JSONWriter) {
        json.object { json in
            json.member("name", set.name.text)
            json.name("items")
            json.array { json in
                for item in set.items { write(item, to: &json) }
            }
        }
    }

    private static func write(_ item: Item, to json: inout JSONWriter) {
        json.object { json in
            json.member("ident", item.ident.text)
            json.member("key", Int(item.key))
            item.data.withUnsafeBytes { bytes in
                if !bytes.contains(where: isControl), let text = String(validating: bytes, as: UTF8.self) {
                    json.member("text", text)
                } else {
                    json.name("data")
                    json.base64(bytes)
                }
            }
        }
    }
}
