import CRWasm
import RWasmCore

/// Values as the converted tests write them: decimal bits, vectors by lane, kinds of NaN.
enum SpecValue {
    /// An argument.
    static func value(_ json: JSON) -> rwasm_value {
        let type = json["type"]?.string ?? ""
        let text = json["value"]?.string ?? "0"
        switch type {
        case "v128":
            return lanes(json).reduce(into: rwasm_value()) { value, lane in
                place(bits(lane.text) & lane.mask, at: lane.shift, in: &value)
            }
        case "externref": return rwasm_value(low: text == "null" ? 0 : bits(text) &+ 1, high: 0)
        case "funcref": return rwasm_value()
        default: return rwasm_value(low: bits(text) & (type.hasSuffix("32") ? 0xffff_ffff : .max), high: 0)
        }
    }

    static func matches(_ value: rwasm_value, _ expected: JSON) -> Bool {
        let text = expected["value"]?.string
        switch (expected["type"]?.string ?? "", text) {
        case ("either", _): return (expected["values"]?.list ?? []).contains { matches(value, $0) }
        case ("v128", _):
            return lanes(expected).allSatisfy { lane in
                let word = lane.shift < 64 ? value.low >> lane.shift : value.high >> (lane.shift - 64)
                return matches(word & lane.mask, lane.type, lane.text)
            }
        case ("refnull", _), ("nullfuncref", _), ("nullexternref", _): return value.low == 0
        case ("funcref", nil), ("externref", nil): return value.low != 0
        case ("funcref", let text?) where text != "null": return value.low != 0
        case ("f32", let text?), ("f64", let text?): return matches(value.low, expected["type"]?.string ?? "", text)
        default: return value.low == Self.value(expected).low
        }
    }

    private static func matches(_ bits: UInt64, _ type: String, _ text: String) -> Bool {
        switch (type, text) {
        case ("f32", "nan:canonical"): bits & 0x7fff_ffff == 0x7fc0_0000
        case ("f32", "nan:arithmetic"): bits & 0x7fc0_0000 == 0x7fc0_0000
        case ("f64", "nan:canonical"): bits & (~0 >> 1) == 0x7ff8_0000_0000_0000
        case ("f64", "nan:arithmetic"): bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000
        default: bits == Self.bits(text) & (type.hasSuffix("64") ? .max : (1 << width(type)) - 1)
        }
    }

    private static func bits(_ text: String) -> UInt64 {
        UInt64(text) ?? Int64(text).map(UInt64.init(bitPattern:)) ?? 0
    }

    private static func place(_ bits: UInt64, at shift: UInt64, in value: inout rwasm_value) {
        if shift < 64 { value.low |= bits << shift } else { value.high |= bits << (shift - 64) }
    }

    // MARK: Lanes

    private struct Lane {
        var text: String
        var type: String
        var shift: UInt64
        var mask: UInt64
    }

    /// Bits of "i8" to "f64".
    private static func width(_ type: String) -> UInt64 { UInt64(type.dropFirst()) ?? 64 }

    private static func lanes(_ json: JSON) -> [Lane] {
        let type = json["lane_type"]?.string ?? "i64"
        let width = width(type)
        return (json["value"]?.list ?? []).prefix(Int(128 / width)).enumerated().map { index, lane in
            Lane(
                text: lane.string ?? "", type: type, shift: UInt64(index) * width,
                mask: width == 64 ? .max : (1 << width) - 1)
        }
    }
}
