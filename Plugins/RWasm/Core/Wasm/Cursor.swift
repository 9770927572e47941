/// Reads the binary format's values out of a range of bytes; whatever they are, it throws instead of leaving the range.
struct Cursor {
    let bytes: [UInt8]
    /// Byte offset in the module.
    private(set) var at: Int
    let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        at = range.lowerBound
        end = min(range.upperBound, bytes.count)
    }

    var isAtEnd: Bool { at >= end }
    var remaining: Int { end - at }

    func malformed(_ message: String, at offset: Int? = nil) -> WasmError {
        WasmError(.malformed, message, at: offset ?? at)
    }

    mutating func byte() throws(WasmError) -> UInt8 {
        guard at < end else { throw malformed("unexpected end") }
        defer { at += 1 }
        return bytes[at]
    }

    func peek() -> UInt8? { at < end ? bytes[at] : nil }

    mutating func skip(_ count: Int) throws(WasmError) -> Range<Int> {
        guard count >= 0, count <= end - at else { throw malformed("unexpected end: length out of bounds") }
        defer { at += count }
        return at..<(at + count)
    }

    /// An unsigned LEB128 number of at most `bits` bits.
    private mutating func unsigned(_ bits: Int) throws(WasmError) -> UInt64 {
        var value: UInt64 = 0
        var shift = 0
        let begin = at
        while true {
            let byte = try self.byte()
            guard shift < bits else { throw malformed("integer representation too long", at: begin) }
            if shift + 7 > bits, (byte & 0x7f) >> UInt8(bits - shift) != 0 {
                throw malformed(
                    byte & 0x80 != 0 ? "integer representation too long" : "integer too large", at: begin)
            }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
    }

    /// A signed LEB128 number of at most `bits` bits.
    mutating func signed(_ bits: Int) throws(WasmError) -> Int64 {
        var value: UInt64 = 0
        var shift = 0
        let begin = at
        while true {
            let byte = try self.byte()
            guard shift < bits else { throw malformed("integer representation too long", at: begin) }
            if shift + 7 > bits {
                // The bits beyond the number's must repeat its sign.
                let used = UInt8(bits - shift)
                let rest = (byte & 0x7f) >> (used - 1)
                let ones = UInt8(0x7f) >> (used - 1)
                guard byte & 0x80 == 0 else { throw malformed("integer representation too long", at: begin) }
                guard rest == 0 || rest == ones else { throw malformed("integer too large", at: begin) }
            }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            shift += 7
            if byte & 0x80 == 0 {
                if shift < 64, byte & 0x40 != 0 { value |= ~0 << UInt64(shift) }
                return Int64(bitPattern: value)
            }
        }
    }

    mutating func u32() throws(WasmError) -> UInt32 { UInt32(truncatingIfNeeded: try unsigned(32)) }

    /// An index or count.
    mutating func index() throws(WasmError) -> Int { Int(try u32()) }

    /// A count of things that take at least one byte each, so that a lie cannot make us reserve memory.
    mutating func count(_ what: String) throws(WasmError) -> Int {
        let begin = at
        let count = try index()
        guard count <= remaining else { throw malformed("unexpected end: \(count) \(what) announced", at: begin) }
        return count
    }

    mutating func fixed32() throws(WasmError) -> UInt32 {
        var value: UInt32 = 0
        for shift in 0..<4 { value |= UInt32(try byte()) << UInt32(8 * shift) }
        return value
    }

    mutating func fixed64() throws(WasmError) -> UInt64 {
        let low = try fixed32()
        return UInt64(low) | UInt64(try fixed32()) << 32
    }

    /// A name: UTF-8 (section 5.2.4).
    mutating func name() throws(WasmError) -> String {
        let length = try index()
        let begin = at
        let range = try skip(length)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw malformed("malformed UTF-8 encoding", at: begin)
        }
        return text
    }

    mutating func valueType() throws(WasmError) -> ValueType {
        let begin = at
        let code = try byte()
        guard let type = ValueType(rawValue: code) else { throw unknownType(code, "value", at: begin) }
        return type
    }

    /// Types of later proposals are told from what no proposal has.
    private func unknownType(_ code: UInt8, _ kind: String, at offset: Int) -> WasmError {
        switch code {
        case 0x63, 0x64: WasmError(.unsupported, "proposal function-references: typed references", at: offset)
        case 0x74: WasmError(.unsupported, "proposal exception-handling: the type noexn", at: offset)
        case 0x6a...0x6e, 0x71...0x73: WasmError(.unsupported, "proposal gc: its types", at: offset)
        default: malformed("malformed \(kind) type", at: offset)
        }
    }

    mutating func referenceType() throws(WasmError) -> ValueType {
        let begin = at
        let code = try byte()
        guard let type = ValueType(rawValue: code), type.isReference else {
            throw unknownType(code, "reference", at: begin)
        }
        return type
    }
}
