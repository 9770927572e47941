internal import Failure
internal import Items
internal import Memory
internal import Values

/// Item sets as JSON, in the form that `JSONSetsReader` reads: bytes that are readable as UTF-8 appear as `text`, any other as
/// `data` in base64. Names are repaired to UTF-8.
enum JSONReply {
    /// The text, in memory of exactly its size, which is charged before it is taken.
    static func make(_ sets: [ItemSet], _ account: MemoryAccount) throws(Failure) -> Blob {
        try make(account) { write(sets, to: &$0) }
    }

    /// What `write` writes, in memory of exactly its size.
    static func make(_ account: MemoryAccount, _ write: (inout JSONWriter) -> Void) throws(Failure) -> Blob {
        let size = JSONWriter.size(write)
        let storage = try ChargedStorage(capacity: size, account, .answers)
        try storage.fill(to: size)
        JSONWriter.write(to: storage.base, write)
        return Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: size)
    }

    static func write(_ sets: [ItemSet], to json: inout JSONWriter) {
        json.object { json in
            json.name("sets")
            json.array { json in
                for set in sets { write(set, to: &json) }
            }
        }
    }

    private static func write(_ set: ItemSet, to json: inout JSONWriter) {
        json.object { json in
            json.name("name")
            name(set.name, to: &json)
            json.name("items")
            json.array { json in
                for item in set.items { write(item, to: &json) }
            }
        }
    }

    private static func write(_ item: Item, to json: inout JSONWriter) {
        json.object { json in
            json.name("ident")
            name(item.ident, to: &json)
            json.member("key", Int(item.key))
            item.data.withUnsafeBytes { bytes in
                if !bytes.contains(where: isControl), bytes.isUTF8 {
                    json.name("text")
                    json.string(bytes)
                } else {
                    json.name("data")
                    json.base64(bytes)
                }
            }
        }
    }

    /// A function may name its outputs by any bytes.
    private static func name(_ name: Blob, to json: inout JSONWriter) {
        name.withUnsafeBytes { bytes in
            if bytes.isUTF8 { json.string(bytes) } else { json.string(bytes.text) }
        }
    }

    /// What text does not hold.
    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != ASCII.tab && byte != ASCII.lineFeed && byte != ASCII.carriageReturn || byte == 0x7f
    }
}
