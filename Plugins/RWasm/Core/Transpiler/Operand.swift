/// What stands for a value on the operand stack: a Rust expression without effects, evaluated where it is used.
struct Operand {
    /// Atomic: it can be followed by a method call.
    var text: String
    /// The expression as a truth value, when it is one.
    var condition: String?
    var type: ValueType
    /// Locals that it reads.
    var locals: [Int] = []
    /// How many instructions it holds; 0 when it is a name or a constant.
    var weight = 0
    /// A floating-point constant that the optimiser would fold as if no NaN signalled.
    var isNeutral = false
    /// It needs no name that only a block knows.
    var isLasting = false

    /// For `if`.
    var truth: String { condition ?? "\(text) != 0" }
}

extension Operand {
    /// The bits of a number or vector. The optimiser gives a NaN that it converts other bits than the processor does, so it
    /// does not learn that a constant is one.
    init(constant type: ValueType, _ low: UInt64, _ high: UInt64) {
        self.init(text: "0", type: type, isLasting: true)
        switch type {
        case .i32:
            let value = Int32(truncatingIfNeeded: low)
            text = value < 0 ? "(\(value)i32)" : "\(value)i32"
        case .i64:
            let value = Int64(bitPattern: low)
            text = value < 0 ? "(\(value)i64)" : "\(value)i64"
        case .f32:
            text = "f32::from_bits(\(low))"
            if low & 0x7fff_ffff > 0x7f80_0000 { text = "opaque_f32(\(text))" }
            isNeutral = low & 0x7fff_ffff == 0 || low & 0x7fff_ffff == 0x3f80_0000
        case .f64:
            text = "f64::from_bits(\(low))"
            if low & (~0 >> 1) > 0x7ff0_0000_0000_0000 { text = "opaque_f64(\(text))" }
            isNeutral = low & (~0 >> 1) == 0 || low & (~0 >> 1) == 0x3ff0_0000_0000_0000
        default:
            text = "V128::new(\(low), \(high))"
            isNeutral = true
        }
    }
}

extension ValueType {
    package var rust: String {
        switch self {
        case .i32: "i32"
        case .i64: "i64"
        case .f32: "f32"
        case .f64: "f64"
        case .v128: "V128"
        case .funcref, .externref: "u64"
        case .exnref: "X"
        }
    }

    /// The value of a local at the beginning.
    package var zero: String {
        switch self {
        case .i32, .i64, .funcref, .externref: "0"
        case .f32, .f64: "0.0"
        case .v128: "V128::default()"
        case .exnref: "X::NONE"
        }
    }

    /// What the runtime's Value calls its conversions.
    var conversion: String { isReference ? "reference" : rust.lowercased() }
}

extension [ValueType] {
    /// A type, or a tuple of none or several.
    var rust: String { count == 1 ? self[0].rust : "(" + map(\.rust).joined(separator: ", ") + ")" }
}

/// One value, or a tuple of none or several.
package func tuple(_ texts: [String]) -> String {
    texts.count == 1 ? texts[0] : "(" + texts.joined(separator: ", ") + ")"
}
