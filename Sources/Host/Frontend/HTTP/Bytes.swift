internal import Glibc

/// Unowned bytes of a request; each user says until when they stay.
typealias Bytes = UnsafeRawBufferPointer

extension Bytes {
    /// The bytes of `range`, clamped to what there is.
    @inline(__always)
    func part(_ range: Range<Int>) -> Bytes { Bytes(rebasing: self[range.clamped(to: 0..<count)]) }

    func equals(_ text: StaticString) -> Bool {
        // SAFETY: a StaticString of more than one byte points at its UTF-8, which lives for ever.
        count == text.utf8CodeUnitCount && (baseAddress.map { memcmp($0, text.utf8Start, count) == 0 } ?? true)
    }

    /// Whether these are the bytes of `lower`, which has no capital letters, in any case.
    func equalsIgnoringCase(_ lower: StaticString) -> Bool {
        guard count == lower.utf8CodeUnitCount else { return false }
        let expected = lower.utf8Start
        for index in 0..<count where ASCII.lower(self[index]) != expected[index] { return false }
        return true
    }

    /// Whether both are the same text in any case of ASCII letters.
    func isSame(as other: Bytes) -> Bool { elementsEqual(other) { ASCII.lower($0) == ASCII.lower($1) } }

    func hasPrefix(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && part(0..<text.utf8CodeUnitCount).equals(text)
    }

    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard let base = baseAddress, start < count else { return nil }
        // SAFETY: start..<count lies inside the buffer.
        guard let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Without spaces and tabs at both ends (OWS of RFC 9110).
    func trimmed() -> Bytes {
        var low = 0
        var high = count
        while low < high, ASCII.isBlank(self[low]) { low += 1 }
        while low < high, ASCII.isBlank(self[high - 1]) { high -= 1 }
        return part(low..<high)
    }

    /// The pieces between `separator`s, trimmed; stops when `body` says so by returning false.
    func forEachPiece(separatedBy separator: UInt8, _ body: (Bytes) -> Bool) {
        var start = 0
        while start <= count {
            let end = firstIndex(of: separator, from: start) ?? count
            guard body(part(start..<end).trimmed()) else { return }
            start = end + 1
        }
    }

    /// A decimal number of one or more digits, and nothing else.
    var decimal: Int? {
        guard count > 0, count <= 19 else { return nil }
        var value = 0
        for byte in self {
            guard ASCII.isDigit(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte &- ASCII.zero))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// As text; invalid UTF-8 is repaired.
    var text: String { String(decoding: self, as: UTF8.self) }
}

/// Characters that the protocols name.
enum ASCII {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let quote = UInt8(ascii: "\"")
    static let comma = UInt8(ascii: ",")
    static let slash = UInt8(ascii: "/")
    static let zero = UInt8(ascii: "0")
    static let colon = UInt8(ascii: ":")
    static let semicolon = UInt8(ascii: ";")
    static let equals = UInt8(ascii: "=")
    static let question = UInt8(ascii: "?")
    static let backslash = UInt8(ascii: "\\")

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 0x20 : byte }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// tchar of RFC 9110, 5.6.2.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let set: UInt64 = byte < 64 ? 0x03ff_6cfa_0000_0000 : 0x57ff_ffff_c7ff_fffe
        return byte < 128 && set &>> UInt64(byte & 63) & 1 == 1
    }

    /// What a field value may hold: visible, obs-text, space, tab (RFC 9110, 5.5).
    @inline(__always)
    static func isFieldValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f || byte == tab }

    /// How many decimal digits a number has, without its sign.
    static func digits(_ value: Int) -> Int {
        var count = 1
        var rest = value.magnitude
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- zero
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- 55
        default: nil
        }
    }
}
