import CRWasm
import RWasmCore

/// Values as a user writes and reads them.
enum ValueText {
    /// Numbers in decimal or with 0x; floats also as "nan" or "inf", or their bits with 0x; vectors as 32 hexadecimal
    /// digits, highest byte first; references as "null" or, for an externref, a number. Nil when the text is none.
    static func value(_ text: String, _ type: ValueType) -> rwasm_value? {
        switch type {
        case .i32:
            return bits(text).flatMap { UInt32(exactly: $0) ?? Int32(exactly: Int64(bitPattern: $0)).map(UInt32.init) }
                .map { rwasm_value(low: UInt64($0), high: 0) }
        case .i64: return bits(text).map { rwasm_value(low: $0, high: 0) }
        case .f32:
            if text.hasPrefix("0x") { return value(text, .i32) }
            return Float(text).map { rwasm_value(low: UInt64($0.bitPattern), high: 0) }
        case .f64:
            if text.hasPrefix("0x") { return value(text, .i64) }
            return Double(text).map { rwasm_value(low: $0.bitPattern, high: 0) }
        case .v128:
            let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
            guard digits.utf8.count <= 32, let high = UInt64("0" + digits.dropLast(16), radix: 16),
                let low = UInt64(digits.suffix(16), radix: 16)
            else { return nil }
            return rwasm_value(low: low, high: high)
        case .funcref, .exnref: return text == "null" ? rwasm_value() : nil
        case .externref:
            if text == "null" { return rwasm_value() }
            return UInt64(text).map { rwasm_value(low: $0 &+ 1, high: 0) }
        }
    }

    private static func bits(_ text: String) -> UInt64? {
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
        return UInt64(text) ?? Int64(text).map(UInt64.init(bitPattern:))
    }

    static func text(_ value: rwasm_value, _ type: ValueType) -> String {
        switch type {
        case .i32: "\(Int32(truncatingIfNeeded: value.low))"
        case .i64: "\(Int64(bitPattern: value.low))"
        case .f32: "\(Float(bitPattern: UInt32(truncatingIfNeeded: value.low)))"
        case .f64: "\(Double(bitPattern: value.low))"
        case .v128: "0x\(hexadecimal(value.high))\(hexadecimal(value.low))"
        case .funcref: value.low == 0 ? "null" : "function"
        case .exnref: value.low == 0 ? "null" : "exception"
        case .externref: value.low == 0 ? "null" : "\(value.low - 1)"
        }
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ValueType {
    var name: String {
        switch self {
        case .v128: "v128"
        case .funcref: "funcref"
        case .externref: "externref"
        case .exnref: "exnref"
        default: rust
        }
    }
}
