internal import Items

/// Body of `POST /register/function`; fields of other names are ignored, a field that comes twice is refused.
struct FunctionDocument {
    struct Input {
        var name: String
        /// Bound at registration: wins over what a request brings. Keys are 0.
        var fixed: [Item]?
    }

    var name = ""
    /// Bytes.
    var contextSize = 0
    /// Names a function class, in any case.
    var engineType = ""
    /// A file on the node that holds the image; wins over `binary`.
    var localPath: String?
    var binary = Blob.empty
    var inputs: [Input] = []
    var outputs: [String] = []
    /// By input, or empty.
    var minimumSizes: [Int] = []

    /// Charged as long as the rest of this.
    private(set) var charge: ItemCharge?

    init(_ body: Blob, counter: ItemCounter) throws(BSONError) {
        var counter = counter
        defer { withExtendedLifetime(body) {} }
        var reader = try BSONReader(body)
        var missing: Set<String> = ["name", "context_size", "engine_type", "binary", "input_sets", "output_sets"]
        var read: Set<String> = []
        while let element = try reader.next() {
            let name = element.name.text
            missing.remove(name)
            // Of those that are ignored, there may be many.
            guard !Self.fields.contains(name) || read.insert(name).inserted else {
                throw BSONError(element.offset, "appears twice", path: name)
            }
            do throws(BSONError) { try self.read(name, element, &reader, &counter) } catch { throw error.under(name) }
        }
        if localPath != nil { missing.remove("binary") }
        if let name = missing.min() { throw BSONError(reader.offset, "is missing", path: name) }
        charge = counter.charge
    }

    private static let fields: Set<String> = [
        "name", "context_size", "engine_type", "local_path", "binary", "input_sets", "output_sets", "min_set_bytes",
    ]

    private mutating func read(
        _ field: String, _ element: BSONReader.Element, _ reader: inout BSONReader, _ counter: inout ItemCounter
    ) throws(BSONError) {
        switch field {
        case "name": name = try reader.text(element)
        case "context_size": contextSize = try reader.size(element)
        case "engine_type": engineType = try reader.text(element)
        case "local_path":
            if element.kind == .null { return }
            let path = try reader.text(element)
            localPath = path.isEmpty ? nil : path
        case "binary": binary = try reader.octets(element, &counter)
        case "input_sets": inputs = try reader.list(element, &counter, Self.input)
        case "output_sets":
            outputs = try reader.list(element, &counter) { (reader, element, _) throws(BSONError) in
                try reader.identifier(element).text
            }
        case "min_set_bytes":
            if element.kind == .null { return }
            minimumSizes = try reader.list(element, &counter) { (reader, element, _) throws(BSONError) in
                try reader.size(element)
            }
        default: try reader.skip(element)
        }
    }

    /// `[name, null | [[item name, bytes], …]]`
    private static func input(
        _ reader: inout BSONReader, _ element: BSONReader.Element, _ counter: inout ItemCounter
    ) throws(BSONError) -> Input {
        var pair = try reader.array(element)
        guard let first = try pair.next() else { throw BSONError(element.offset, "is not [name, items]") }
        let name = try pair.identifier(first).text
        guard let second = try pair.next() else { return Input(name: name) }
        var fixed: [Item]?
        if second.kind != .null {
            do throws(BSONError) { fixed = try pair.list(second, &counter, item) } catch { throw error.under("1") }
        }
        guard try pair.next() == nil else { throw BSONError(element.offset, "is not [name, items]") }
        return Input(name: name, fixed: fixed)
    }

    private static func item(
        _ reader: inout BSONReader, _ element: BSONReader.Element, _ counter: inout ItemCounter
    ) throws(BSONError) -> Item {
        var pair = try reader.array(element)
        guard let first = try pair.next() else { throw BSONError(element.offset, "is not [name, bytes]") }
        let name = try pair.identifier(first)
        guard let second = try pair.next() else { throw BSONError(element.offset, "is not [name, bytes]") }
        let data = try pair.octets(second, &counter)
        guard try pair.next() == nil else { throw BSONError(element.offset, "is not [name, bytes]") }
        return Item(ident: name, data: data)
    }
}

/// Body of `POST /register/composition`: text with any number of declarations and compositions.
struct CompositionDocument {
    var text = ""

    init(_ body: Blob) throws(BSONError) {
        defer { withExtendedLifetime(body) {} }
        var reader = try BSONReader(body)
        var found = false
        while let element = try reader.next() {
            if element.name.equals("composition") {
                guard !found else { throw BSONError(element.offset, "appears twice", path: "composition") }
                do throws(BSONError) { text = try reader.text(element) } catch { throw error.under("composition") }
                found = true
            } else {
                try reader.skip(element)
            }
        }
        guard found else { throw BSONError(reader.offset, "is missing", path: "composition") }
    }
}

extension BSONReader {
    /// An integer that is a size in bytes.
    fileprivate mutating func size(_ element: Element) throws(BSONError) -> Int {
        let value = try integer(element)
        guard value >= 0 else { throw BSONError(element.offset, "is negative") }
        return Int(value)
    }

    fileprivate mutating func list<T>(
        _ element: Element, _ counter: inout ItemCounter,
        _ read: (inout BSONReader, Element, inout ItemCounter) throws(BSONError) -> T
    ) throws(BSONError) -> [T] {
        var array = try array(element)
        var result: [T] = []
        while let element = try array.next() {
            do throws(BSONError) {
                try counter.next()
                result.append(try read(&array, element, &counter))
            } catch {
                throw error.under(String(result.count))
            }
        }
        return result
    }

    /// Binary data, or an array with one integer for each byte: what the original's clients send.
    fileprivate mutating func octets(_ element: Element, _ counter: inout ItemCounter) throws(BSONError) -> Blob {
        if element.kind == .binary { return try binary(element) }
        var array = try array(element)
        // The shortest element has 7 bytes: type, a digit, the name's end, an int32.
        let storage = HeapStorage(capacity: array.remaining / 7)
        try counter.charge(storage.capacity)
        var count = 0
        while let element = try array.next() {
            let value = UInt8(exactly: try array.integer(element))
            guard let value, count < storage.capacity else {
                throw BSONError(element.offset, "is not a byte", path: String(count))
            }
            // SAFETY: count < capacity, and nobody else knows the storage yet.
            storage.base.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
            count += 1
        }
        return Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: count)
    }
}
