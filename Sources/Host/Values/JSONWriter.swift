/// Writes JSON text (RFC 8259) front to back; the caller nests objects and arrays by nesting closures.
///
/// To an array that grows, or, for texts that may be very long, twice: once to count the bytes, once to memory of that size.
public struct JSONWriter {
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

    public init() { target = .array }

    private init(target: Target) { self.target = target }

    /// How many bytes `body` writes.
    public static func size(_ body: (inout JSONWriter) -> Void) -> Int {
        var json = JSONWriter(target: .none)
        body(&json)
        return json.written
    }

    /// - Parameter memory: has room for as many bytes as `size` told for the same `body`.
    public static func write(to memory: UnsafeMutableRawPointer, _ body: (inout JSONWriter) -> Void) {
        var json = JSONWriter(target: .memory(memory))
        body(&json)
    }

    /// What was written to the array.
    public var bytes: [UInt8] { array }
    /// UnsafeRawBufferPointer so far.
    public var count: Int { if case .array = target { array.count } else { written } }

    public mutating func object(_ members: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    public mutating func array(_ elements: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Begins a member of an object; its value must follow.
    public mutating func name(_ name: String) {
        string(name)
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func member(_ name: String, _ value: String) {
        self.name(name)
        string(value)
    }

    public mutating func member(_ name: String, _ value: Int) {
        self.name(name)
        number(value)
    }

    public mutating func number(_ value: Int) { number(String(value)) }

    /// `value` must be a number of JSON, or one of its words.
    public mutating func number(_ value: String) {
        separate()
        put(value)
    }

    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// `utf8` must be valid UTF-8.
    public mutating func string(_ utf8: UnsafeRawBufferPointer) {
        separate()
        put(UInt8(ascii: "\""))
        var start = 0
        for (index, byte) in utf8.enumerated() where Self.isSpecial(byte) {
            put(UnsafeRawBufferPointer(rebasing: utf8[start..<index]))
            escape(byte)
            start = index + 1
        }
        put(UnsafeRawBufferPointer(rebasing: utf8[start..<utf8.count]))
        put(UInt8(ascii: "\""))
    }

    /// A value that is written already; `utf8` must be one of JSON.
    public mutating func text(_ utf8: UnsafeRawBufferPointer) {
        separate()
        put(utf8)
    }

    /// Any bytes as base64 (RFC 4648, 4).
    public mutating func base64(_ data: UnsafeRawBufferPointer) {
        separate()
        put(UInt8(ascii: "\""))
        if case .none = target {
            written += (data.count + 2) / 3 * 4
        } else {
            Base64.alphabet.withUnsafeBytes { digits in
                for index in stride(from: 0, to: data.count, by: 3) {
                    put(UnsafeRawBufferPointer(rebasing: data[index..<min(index + 3, data.count)]), digits)
                }
            }
        }
        put(UInt8(ascii: "\""))
    }

    /// One to three bytes as four digits.
    private mutating func put(_ bytes: UnsafeRawBufferPointer, _ digits: UnsafeRawBufferPointer) {
        var group = UInt32(bytes[0]) << 16
        if bytes.count > 1 { group |= UInt32(bytes[1]) << 8 }
        if bytes.count > 2 { group |= UInt32(bytes[2]) }
        for digit in 0..<4 {
            put(digit > bytes.count ? UInt8(ascii: "=") : digits[Int(group >> (18 - 6 * UInt32(digit)) & 63)])
        }
    }

    @inline(__always)
    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7f
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            put(UInt8(ascii: "\\"))
            put(byte)
        case UInt8(ascii: "\n"): put("\\n")
        default:
            put("\\u00")
            for nibble in [byte >> 4, byte & 15] {
                put(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
            }
        }
    }

    /// Any value.
    public mutating func value(_ value: ParsedValue) {
        switch value.kind {
        case .table(let entries):
            object { json in
                for entry in entries {
                    json.name(entry.key)
                    json.value(entry.value)
                }
            }
        case .array(let elements):
            array { json in
                for element in elements { json.value(element) }
            }
        case .string(let text): string(text)
        case .integer(let number): self.number(String(number))
        case .float(let number): self.number(number.isFinite ? "\(number)" : "null")
        case .boolean(let flag): number(flag ? "true" : "false")
        case .date, .null: number("null")
        }
    }

    private mutating func separate() {
        if needsComma { put(UInt8(ascii: ",")) }
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

    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
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
        text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }
}
