/// Writes JSON text (RFC 8259) front to back; the caller nests objects and arrays by nesting closures.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func object(_ members: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    mutating func array(_ elements: (inout JSONWriter) -> Void) {
        enclosed(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Begins a member of an object; its value must follow.
    mutating func name(_ name: String) {
        string(name)
        bytes.append(ASCII.colon)
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

    mutating func number(_ value: Int) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// `utf8` must be valid UTF-8.
    mutating func string(_ utf8: Bytes) {
        separate()
        bytes.append(ASCII.quote)
        for byte in utf8 {
            switch byte {
            case ASCII.quote, ASCII.backslash: bytes += [ASCII.backslash, byte]
            case ASCII.lineFeed: bytes += [ASCII.backslash, UInt8(ascii: "n")]
            case 0..<0x20, 0x7f: escape(byte)
            default: bytes.append(byte)
            }
        }
        bytes.append(ASCII.quote)
    }

    /// Any bytes as base64 (RFC 4648, 4).
    mutating func base64(_ data: Bytes) {
        separate()
        bytes.reserveCapacity(bytes.count + data.count / 3 * 4 + 8)
        bytes.append(ASCII.quote)
        var index = 0
        while index < data.count {
            let rest = min(data.count - index, 3)
            var group = UInt32(data[index]) << 16
            if rest > 1 { group |= UInt32(data[index + 1]) << 8 }
            if rest > 2 { group |= UInt32(data[index + 2]) }
            for digit in 0..<4 {
                let pad = digit > rest
                bytes.append(pad ? ASCII.equals : Self.base64Digit(UInt8(group >> (18 - 6 * UInt32(digit)) & 63)))
            }
            index += rest
        }
        bytes.append(ASCII.quote)
    }

    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: value + 65
        case 26..<52: value + 71
        case 52..<62: value - 4
        case 62: UInt8(ascii: "+")
        default: ASCII.slash
        }
    }

    private mutating func escape(_ byte: UInt8) {
        let digits = "0123456789abcdef".utf8
        bytes += Array("\\u00".utf8)
        for nibble in [byte >> 4, byte & 15] {
            bytes.append(digits[digits.index(digits.startIndex, offsetBy: Int(nibble))])
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(ASCII.comma) }
        needsComma = true
    }

    private mutating func enclosed(_ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }
}
