/// Writes JSON text (RFC 8259) front to back; the caller nests objects and arrays by nesting closures.
///
/// To an array that grows, or, for texts that may be very long, twice: once to count the bytes, once to memory of that size.
struct JSONWriter {
    private enum Target {
        case array
        /// Nothing is written.
        case none
        case memory(UnsafeMutableRawPointer)
    }

    private let target: Target
    private var array: [UInt8] = []
    private var written = 0
    private var needsComma = false

    init() { target = .array }

    private init(target: Target) { self.target = target }

    /// How many bytes `body` writes.
    static func size(_ body: (inout JSONWriter) -> Void) -> Int {
        var json = JSONWriter(target: .none)
        body(&json)
        return json.written
    }

    /// - Parameter memory: has room for as many bytes as `size` told for the same `body`.
    static func write(to memory: UnsafeMutableRawPointer, _ body: (inout JSONWriter) -> Void) {
        var json = JSONWriter(target: .memory(memory))
        body(&json)
    }

    /// What was written to the array.
    var bytes: [UInt8] { array }
    /// Bytes so far.
    var count: Int { if case .array = target { array.count } else { written } }

    mutating func object(_ members: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    mutating func array(_ elements: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Begins a member of an object; its value must follow.
    mutating func name(_ name: String) {
        string(name)
        put(ASCII.colon)
        needsComma = false
    }

    mutating func member(_ name: String, _ value: String) {
        self.name(name)
        string(value)
    }

    mutating func member(_ name: String, _ value: Int) {
        self.name(name)
        number(value)
    }

    mutating func number(_ value: Int) { number(String(value)) }

    /// `value` must be a number of JSON.
    mutating func number(_ value: String) {
        separate()
        put(value)
    }

    mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// `utf8` must be valid UTF-8.
    mutating func string(_ utf8: Bytes) {
        separate()
        put(ASCII.quote)
        var start = 0
        for (index, byte) in utf8.enumerated() where Self.isSpecial(byte) {
            put(utf8.part(start..<index))
            escape(byte)
            start = index + 1
        }
        put(utf8.part(start..<utf8.count))
        put(ASCII.quote)
    }

    /// Any bytes as base64 (RFC 4648, 4).
    mutating func base64(_ data: Bytes) {
        separate()
        put(ASCII.quote)
        if case .none = target {
            written += (data.count + 2) / 3 * 4
        } else {
            Base64.alphabet.withUnsafeBytes { digits in
                for index in stride(from: 0, to: data.count, by: 3) { put(data.part(index..<index + 3), digits) }
            }
        }
        put(ASCII.quote)
    }

    /// One to three bytes as four digits.
    private mutating func put(_ bytes: Bytes, _ digits: Bytes) {
        var group = UInt32(bytes[0]) << 16
        if bytes.count > 1 { group |= UInt32(bytes[1]) << 8 }
        if bytes.count > 2 { group |= UInt32(bytes[2]) }
        for digit in 0..<4 {
            put(digit > bytes.count ? ASCII.equals : digits[Int(group >> (18 - 6 * UInt32(digit)) & 63)])
        }
    }

    @inline(__always)
    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == ASCII.quote || byte == ASCII.backslash || byte == 0x7f
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case ASCII.quote, ASCII.backslash:
            put(ASCII.backslash)
            put(byte)
        case ASCII.lineFeed: put("\\n")
        default:
            put("\\u00")
            for nibble in [byte >> 4, byte & 15] {
                put(nibble < 10 ? ASCII.zero + nibble : UInt8(ascii: "a") - 10 + nibble)
            }
        }
    }

    private mutating func separate() {
        if needsComma { put(ASCII.comma) }
        needsComma = true
    }

    private mutating func enclosed(_ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        put(open)
        needsComma = false
        body(&self)
        put(close)
        needsComma = true
    }

    // MARK: Output

    private mutating func put(_ byte: UInt8) {
        switch target {
        case .array: array.append(byte)
        case .none: written += 1
        case .memory(let memory):
            // SAFETY: the memory has the size that was counted for the same text.
            memory.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
            written += 1
        }
    }

    private mutating func put(_ bytes: Bytes) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        switch target {
        case .array: array.append(contentsOf: bytes)
        case .none: written += bytes.count
        case .memory(let memory):
            // SAFETY: as above.
            (memory + written).copyMemory(from: base, byteCount: bytes.count)
            written += bytes.count
        }
    }

    private mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { put(Bytes($0)) }
    }
}
