internal import Failure
internal import Items

/// The reply of `/hot` and `/cold`: `{sets: [{identifier, items: [{identifier, key, data}]}]}`, empty sets left out.
struct BSONReply {
    /// Of the whole document, in bytes.
    let size: Int
    private let sets: [ItemSet]

    /// - Throws: what does not fit into BSON's 31-bit lengths.
    init(_ sets: [ItemSet]) throws(Failure) {
        self.sets = sets.allSatisfy(Self.hasTexts) ? sets : sets.map(Self.named)
        size = Self.frame + Self.header("sets") + Self.arraySize(self.sets)
        guard size <= Int(Int32.max) else {
            throw Failure(.tooLarge, "the outputs need \(size) bytes, more than a BSON document can hold")
        }
    }

    private static func isText(_ name: Blob) -> Bool { name.count == 0 || name.withUnsafeBytes { $0.isUTF8 } }

    /// Names are UTF-8, as strings of the format must be: a function may name its outputs by any bytes.
    private static func hasTexts(_ set: ItemSet) -> Bool {
        isText(set.name) && set.items.allSatisfy { isText($0.ident) }
    }

    private static func named(_ set: ItemSet) -> ItemSet {
        func repaired(_ name: Blob) -> Blob { isText(name) ? name : Blob(name.text) }
        return ItemSet(
            name: repaired(set.name),
            items: set.items.map { Item(ident: repaired($0.ident), key: $0.key, data: $0.data) })
    }

    /// Without long data, to which the output refers.
    var bytesToCopy: Int { size - OutputBuffer.referred(in: sets) }

    func write(to output: OutputBuffer) {
        Self.begin(size, output)
        Self.header(.array, "sets", output)
        Self.begin(Self.arraySize(sets), output)
        var place = 0
        for set in sets where !set.items.isEmpty {
            Self.indexed(place, output)
            place += 1
            Self.begin(Self.setSize(set), output)
            Self.string("identifier", set.name, output)
            Self.header(.array, "items", output)
            Self.begin(Self.itemsSize(set.items), output)
            for (index, item) in set.items.enumerated() {
                Self.indexed(index, output)
                Self.write(item, output)
            }
            output.append(0)
            output.append(0)
        }
        output.append(0)
        output.append(0)
    }

    private static func write(_ item: Item, _ output: OutputBuffer) {
        begin(itemSize(item), output)
        string("identifier", item.ident, output)
        header(.int64, "key", output)
        output.append(littleEndian: Int64(item.key))
        header(.binary, "data", output)
        output.append(littleEndian: Int32(item.data.count))
        output.append(0)
        output.append(item.data)
        output.append(0)
    }

    // Sizes, in the order in which the parts are written.

    /// Length and closing zero byte of a document.
    private static let frame = 5

    private static func header(_ name: StaticString) -> Int { 2 + name.utf8CodeUnitCount }

    private static func string(_ name: StaticString, _ value: Blob) -> Int { header(name) + 5 + value.count }

    private static func itemSize(_ item: Item) -> Int {
        frame + string("identifier", item.ident) + header("key") + 8 + header("data") + 5 + item.data.count
    }

    private static func itemsSize(_ items: [Item]) -> Int {
        var size = frame
        for (index, item) in items.enumerated() { size += 2 + ASCII.digits(index) + itemSize(item) }
        return size
    }

    /// Type, name and value of each element, and the document's own length and zero byte.
    private static func setSize(_ set: ItemSet) -> Int {
        frame + string("identifier", set.name) + header("items") + itemsSize(set.items)
    }

    private static func arraySize(_ sets: [ItemSet]) -> Int {
        var size = frame
        var place = 0
        for set in sets where !set.items.isEmpty {
            size += 2 + ASCII.digits(place) + setSize(set)
            place += 1
        }
        return size
    }

    // Parts.

    private static func begin(_ size: Int, _ output: OutputBuffer) { output.append(littleEndian: Int32(size)) }

    private static func header(_ kind: BSONReader.Kind, _ name: StaticString, _ output: OutputBuffer) {
        output.append(kind.rawValue)
        output.append(name)
        output.append(0)
    }

    private static func indexed(_ index: Int, _ output: OutputBuffer) {
        output.append(BSONReader.Kind.document.rawValue)
        output.append(decimal: index)
        output.append(0)
    }

    private static func string(_ name: StaticString, _ value: Blob, _ output: OutputBuffer) {
        header(.string, name, output)
        output.append(littleEndian: Int32(value.count + 1))
        output.append(value)
        output.append(0)
    }
}
