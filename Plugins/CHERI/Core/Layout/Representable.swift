/// Bounds that a capability can hold exactly.
///
/// Bounds are stored as a floating-point number with a mantissa of 14 bits (Arm DDI 0606, 2.5.1): longer ones need a base
/// and a length that are multiples of a power of two.
enum Representable {
    /// The shortest length from `length` on that can be exact, and what base and length are multiples of.
    static func bounds(_ length: UInt64) -> (length: UInt64, alignment: UInt64) {
        guard length >= 1 << 14 else { return (length, 1) }
        let exponent = width(length) - 15
        let tried = roundUp(length, 1 << UInt64(exponent + 3))
        guard width(tried) - 15 > exponent else { return (tried, 1 << UInt64(exponent + 3)) }
        return (roundUp(length, 1 << UInt64(exponent + 4)), 1 << UInt64(exponent + 4))
    }

    private static func width(_ value: UInt64) -> Int { UInt64.bitWidth - value.leadingZeroBitCount }
}

/// The next multiple of a power of two. Callers' values lie far below a wrap.
func roundUp(_ value: UInt64, _ alignment: UInt64) -> UInt64 { (value &+ alignment &- 1) & ~(alignment &- 1) }
