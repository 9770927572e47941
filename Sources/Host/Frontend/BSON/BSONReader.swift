internal import Failure
internal import Items

/// Where a BSON document breaks the format or the shape that was expected.
struct BSONError: Error, Equatable {
    var offset: Int
    var detail: String
    /// Of the element, "sets.0.items.2.key"; grows from the right while the error travels up.
    var path: String
    /// Set where the document is in order and the node does not take it.
    var refusal: Problem?

    init(_ offset: Int, _ detail: String, path: String = "") {
        self.offset = offset
        self.detail = detail
        self.path = path
    }

    init(_ refusal: Problem) {
        self.init(0, refusal.detail)
        self.refusal = refusal
    }

    func under(_ name: String) -> BSONError {
        var error = self
        error.path = path.isEmpty ? name : "\(name).\(path)"
        return error
    }

    var problem: Problem {
        if let refusal { return refusal }
        let place = path.isEmpty ? "the document" : path
        return .malformed(
            "\(place): \(detail) (byte \(offset))", [.init("path", path), .init("offset", String(offset))])
    }
}

/// Reads the elements of one BSON document or array (bsonspec.org, 1.1), every length checked against the bytes.
///
/// Values are offsets into the body, or views of it: nothing is copied.
struct BSONReader {
    enum Kind: UInt8 {
        case double = 0x01
        case string = 0x02
        case document = 0x03
        case array = 0x04
        case binary = 0x05
        case undefined = 0x06
        case objectID = 0x07
        case boolean = 0x08
        case date = 0x09
        case null = 0x0a
        case regex = 0x0b
        case pointer = 0x0c
        case code = 0x0d
        case symbol = 0x0e
        case scopedCode = 0x0f
        case int32 = 0x10
        case timestamp = 0x11
        case int64 = 0x12
        case decimal = 0x13
        case minKey = 0xff
        case maxKey = 0x7f
    }

    struct Element {
        let kind: Kind
        let name: Bytes
        /// Of the element's type byte.
        let offset: Int
    }

    /// Of the body. Nested documents have readers of their own, so that nobody counts references for each.
    private unowned(unsafe) let storage: Storage?
    private let bytes: Bytes
    private(set) var offset: Int
    /// Of the closing zero byte.
    private let end: Int

    /// The document that `body` is. `body` must outlive the reader.
    init(_ body: Blob) throws(BSONError) {
        try self.init(body.storage, Bytes(start: body.start, count: body.count), at: 0, limit: body.count)
        guard end == body.count - 1 else {
            throw BSONError(0, "declares \(end + 1) bytes where there are \(body.count)")
        }
    }

    // SAFETY: whoever made the first reader keeps the body, and so its storage, for longer.
    private init(_ storage: Storage?, _ bytes: Bytes, at start: Int, limit: Int) throws(BSONError) {
        self.storage = storage
        self.bytes = bytes
        guard limit - start >= 5 else { throw BSONError(start, "too short for a document") }
        let length = Int(bytes.loadUnaligned(fromByteOffset: start, as: Int32.self))
        guard length >= 5, length <= limit - start else {
            throw BSONError(start, "declares \(length) bytes where there are \(limit - start)")
        }
        end = start + length - 1
        guard bytes[end] == 0 else { throw BSONError(end, "does not end with a zero byte") }
        offset = start + 4
    }

    /// Bytes of elements that are left.
    var remaining: Int { end - offset }

    /// The next element, whose value must be read or skipped before the one after it; nil at the end.
    mutating func next() throws(BSONError) -> Element? {
        guard offset < end else { return nil }
        let start = offset
        guard let nul = bytes.part(0..<end).firstIndex(of: 0, from: start + 1) else {
            throw BSONError(start, "element name does not end")
        }
        guard let kind = Kind(rawValue: bytes[start]) else {
            throw BSONError(start, "unknown element type \(bytes[start])")
        }
        offset = nul + 1
        return Element(kind: kind, name: bytes.part(start + 1..<nul), offset: start)
    }

    mutating func int32() throws(BSONError) -> Int32 {
        let start = try take(4)
        return bytes.loadUnaligned(fromByteOffset: start, as: Int32.self)
    }

    /// An int32 or int64.
    mutating func integer(_ element: Element) throws(BSONError) -> Int64 {
        switch element.kind {
        case .int32: return Int64(try int32())
        case .int64:
            let start = try take(8)
            return bytes.loadUnaligned(fromByteOffset: start, as: Int64.self)
        default: throw BSONError(element.offset, "is not an integer")
        }
    }

    mutating func string(_ element: Element) throws(BSONError) -> Blob {
        guard element.kind == .string else { throw BSONError(element.offset, "is not a string") }
        let start = offset
        let length = Int(try int32())
        guard length >= 1, length <= remaining else {
            throw BSONError(start, "string length \(length) is out of range")
        }
        let first = try take(length)
        guard bytes[first + length - 1] == 0 else { throw BSONError(start, "string does not end with a zero byte") }
        return slice(first, length - 1)
    }

    mutating func text(_ element: Element) throws(BSONError) -> String {
        let start = offset
        let blob = try string(element)
        guard let text = blob.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
            throw BSONError(start, "is not valid UTF-8")
        }
        return text
    }

    /// A string that names a set or an item.
    mutating func identifier(_ element: Element) throws(BSONError) -> Blob {
        let start = offset
        let blob = try string(element)
        if let objection = blob.withUnsafeBytes({ Identifier.objection(to: $0) }) { throw BSONError(start, objection) }
        return blob
    }

    /// Binary data of any subtype.
    mutating func binary(_ element: Element) throws(BSONError) -> Blob {
        guard element.kind == .binary else { throw BSONError(element.offset, "is not binary data") }
        let start = offset
        let length = Int(try int32())
        guard length >= 0, length < remaining else { throw BSONError(start, "binary length \(length) is out of range") }
        let subtype = try take(1 + length)
        return slice(subtype + 1, length)
    }

    mutating func document(_ element: Element) throws(BSONError) -> BSONReader {
        guard element.kind == .document else { throw BSONError(element.offset, "is not a document") }
        return try nested()
    }

    mutating func array(_ element: Element) throws(BSONError) -> BSONReader {
        guard element.kind == .array else { throw BSONError(element.offset, "is not an array") }
        return try nested()
    }

    mutating func skip(_ element: Element) throws(BSONError) {
        switch element.kind {
        case .undefined, .null, .minKey, .maxKey: break
        case .boolean: _ = try take(1)
        case .int32: _ = try take(4)
        case .double, .date, .timestamp, .int64: _ = try take(8)
        case .objectID: _ = try take(12)
        case .decimal: _ = try take(16)
        case .document, .array: _ = try nested()
        case .binary: _ = try binary(element)
        case .string, .code, .symbol: _ = try skipString()
        case .pointer:
            try skipString()
            _ = try take(12)
        case .regex: try skipName(twice: true)
        case .scopedCode:
            let length = Int(try int32())
            guard length >= 4 else { throw BSONError(element.offset, "code length \(length) is out of range") }
            _ = try take(length - 4)
        }
    }

    private mutating func skipString() throws(BSONError) {
        let start = offset
        let length = Int(try int32())
        guard length >= 1 else { throw BSONError(start, "string length \(length) is out of range") }
        _ = try take(length)
    }

    private mutating func skipName(twice: Bool) throws(BSONError) {
        guard let nul = bytes.part(0..<end).firstIndex(of: 0, from: offset) else {
            throw BSONError(offset, "pattern does not end")
        }
        offset = nul + 1
        if twice { try skipName(twice: false) }
    }

    private mutating func nested() throws(BSONError) -> BSONReader {
        let reader = try BSONReader(storage, bytes, at: offset, limit: end)
        offset = reader.end + 1
        return reader
    }

    /// Of bytes that `take` gave.
    private func slice(_ start: Int, _ count: Int) -> Blob {
        guard count > 0, let base = bytes.baseAddress else { return .empty }
        return Blob(storage: storage, start: base + start, count: count)
    }

    private mutating func take(_ count: Int) throws(BSONError) -> Int {
        guard count <= remaining else { throw BSONError(offset, "value ends outside its document") }
        defer { offset += count }
        return offset
    }
}
