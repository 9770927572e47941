/// Which trace something belongs to, and under which of its spans it happens (W3C Trace Context).
public struct TraceContext: Sendable, Equatable {
    /// The halves of the trace's id; not both are 0.
    public var high: UInt64
    public var low: UInt64
    /// Never 0.
    public var span: UInt64
    /// Whoever began the trace wants its spans.
    public var isSampled: Bool
    /// The field tracestate; empty = none.
    public var state: String

    /// Bytes of a tracestate that is passed on.
    private static let longestState = 512
    private static let mostMembers = 32
    private static let length = 55

    init(high: UInt64, low: UInt64, span: UInt64, isSampled: Bool, state: String = "") {
        self.high = high
        self.low = low
        self.span = span
        self.isSampled = isSampled
        self.state = state
    }

    /// Reads the field traceparent; nil when it is none, and the trace begins here.
    public init?(parent: UnsafeRawBufferPointer) {
        guard parent.count >= Self.length, let version = Self.hex(parent, 0..<2), version != 0xff,
            let high = Self.hex(parent, 3..<19), let low = Self.hex(parent, 19..<35),
            let span = Self.hex(parent, 36..<52), let flags = Self.hex(parent, 53..<55),
            [2, 35, 52].allSatisfy({ parent[$0] == UInt8(ascii: "-") }), high | low != 0, span != 0
        else { return nil }
        // Later versions may say more, behind another dash.
        guard parent.count == Self.length || version != 0 && parent[Self.length] == UInt8(ascii: "-") else {
            return nil
        }
        self.init(high: high, low: low, span: span, isSampled: flags & 1 == 1)
    }

    /// Takes the fields tracestate, in their order; one that is wrong or very long makes all of them nothing.
    mutating func take(states: [UnsafeRawBufferPointer]) {
        let members = states.flatMap { $0.split(separator: UInt8(ascii: ",")) }
            .map { Self.trimmed($0) }.filter { !$0.isEmpty }
        guard members.count <= Self.mostMembers, members.allSatisfy(Self.isMember) else { return }
        let text = members.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",")
        if text.utf8.count <= Self.longestState { state = text }
    }

    /// The field traceparent for what happens under a span.
    func parentField(span: UInt64) -> String {
        "00-\(Hex.text(high))\(Hex.text(low))-\(Hex.text(span))-0\(isSampled ? 1 : 0)"
    }

    private static func hex(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for byte in bytes[range] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var rest = bytes
        while let first = rest.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        return rest
    }

    /// `key=value`, of the characters that the standard has for them.
    private static func isMember(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > bytes.startIndex else { return false }
        let marks = Array("_-*/@".utf8)
        let isKey = bytes[..<equals].allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || marks.contains(byte)
        }
        let value = bytes[(equals + 1)...]
        return isKey && !value.isEmpty && value.allSatisfy { 0x20...0x7e ~= $0 && $0 != UInt8(ascii: "=") }
    }
}

enum Hex {
    /// Sixteen digits.
    static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
