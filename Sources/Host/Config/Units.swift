/// Sizes and times as people write them: "64MiB", "500ms".
public enum Units {
    /// Bytes in one of each unit.
    public static let sizes: [(name: String, factor: UInt64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]
    /// Nanoseconds in one of each unit.
    public static let times: [(name: String, factor: UInt64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    /// Bytes, from a whole number and a unit ("64MiB"); nil when `text` is something else.
    public static func size(_ text: String) -> UInt64? { parse(text, sizes) }

    /// Nanoseconds, from a whole number and a unit ("500ms"); nil when `text` is something else.
    public static func time(_ text: String) -> UInt64? { parse(text, times) }

    /// `bytes` in the largest unit that divides it.
    public static func sizeText(_ bytes: UInt64) -> String { render(bytes, sizes) }

    /// `nanoseconds` in the largest unit that divides it.
    public static func timeText(_ nanoseconds: UInt64) -> String { render(nanoseconds, times) }

    private static func parse(_ text: String, _ units: [(name: String, factor: UInt64)]) -> UInt64? {
        let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let name = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = UInt64(String(text.prefix(digits.count))),
            let unit = units.first(where: { $0.name == name })
        else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : value
    }

    private static func render(_ value: UInt64, _ units: [(name: String, factor: UInt64)]) -> String {
        let unit = units.last { value != 0 && value % $0.factor == 0 } ?? units[0]
        return "\(value / unit.factor)\(unit.name)"
    }
}
