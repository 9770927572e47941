internal import Config
internal import Values

/// Why a record cannot be used.
struct UnusableRecord: Error {
    var reason: String
    /// Not when it only could not be read, this time.
    var isDamaged = true
}

/// A record's file: a line with the format's version and the SHA-256 of the rest, then one line of JSON. Data of static items
/// are contents of their own, which the record only names.
enum StoreFormat {
    private static let header = "dandelion-record 1 "

    static func frame(_ json: String) -> [UInt8] {
        let body = Array((json + "\n").utf8)
        let digest = body.withUnsafeBytes { Store.digest(of: $0) }
        return Array("\(header)\(digest)\n".utf8) + body
    }

    static func unframe(_ bytes: [UInt8]) throws(UnusableRecord) -> RecordFields {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            throw UnusableRecord(reason: "it has no header")
        }
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        guard line.hasPrefix(header) else { throw UnusableRecord(reason: "its header is not '\(header)…'") }
        let body = Array(bytes[(end + 1)...])
        let digest = body.withUnsafeBytes { Store.digest(of: $0) }
        guard digest == line.dropFirst(header.count) else {
            throw UnusableRecord(reason: "its checksum is wrong")
        }
        do {
            return RecordFields(try JSONReader.read(bytes: body))
        } catch {
            throw UnusableRecord(reason: "\(error.place.line):\(error.place.column): \(error.message)")
        }
    }
}

/// Strict access to the fields of a JSON object.
struct RecordFields {
    private let value: ParsedValue

    init(_ value: ParsedValue) {
        self.value = value
    }

    private func field(_ key: String) throws(UnusableRecord) -> ParsedValue {
        guard let field = value[key] else { throw UnusableRecord(reason: "'\(key)' is missing") }
        return field
    }

    func text(_ key: String) throws(UnusableRecord) -> String {
        guard case .string(let text) = try field(key).kind else { throw UnusableRecord(reason: "'\(key)' is no text") }
        return text
    }

    /// Nil when it is missing: earlier versions did not write it.
    func optionalText(_ key: String) throws(UnusableRecord) -> String? {
        if value[key] == nil { return nil }
        return try isNull(key) ? nil : text(key)
    }

    /// Never negative.
    func number(_ key: String) throws(UnusableRecord) -> Int64 {
        guard case .integer(let number) = try field(key).kind, number >= 0 else {
            throw UnusableRecord(reason: "'\(key)' is no natural number")
        }
        return number
    }

    func has(_ key: String) -> Bool { value[key] != nil }

    /// 1 when it is missing: earlier versions of the node did not write it.
    func version(_ key: String) throws(UnusableRecord) -> Int {
        guard let field = value[key] else { return 1 }
        guard let version = Self.version(field) else { throw UnusableRecord(reason: "'\(key)' is no version") }
        return version
    }

    static func version(_ value: ParsedValue) -> Int? {
        guard case .integer(let number) = value.kind, number > 0, number < 1 << 31 else { return nil }
        return Int(number)
    }

    func isNull(_ key: String) throws(UnusableRecord) -> Bool { try field(key).kind == .null }

    func content(_ key: String) throws(UnusableRecord) -> StoredContent {
        let fields = RecordFields(try field(key))
        let digest = try fields.text("sha256")
        // It becomes a file name.
        guard Store.isDigest(digest) else { throw UnusableRecord(reason: "'\(key).sha256' is no digest") }
        return StoredContent(digest: digest, size: Int(try fields.number("size")))
    }

    func optionalNumber(_ key: String) throws(UnusableRecord) -> UInt64? {
        try isNull(key) ? nil : UInt64(number(key))
    }

    /// The elements of a list, each by `read`, which gives nil for what it cannot use.
    func list<Element>(_ key: String, _ read: (ParsedValue) -> Element?) throws(UnusableRecord) -> [Element] {
        guard case .array(let elements) = try field(key).kind else {
            throw UnusableRecord(reason: "'\(key)' is no list")
        }
        let list = elements.compactMap(read)
        guard list.count == elements.count else {
            throw UnusableRecord(reason: "an element of '\(key)' has the wrong type")
        }
        return list
    }
}
