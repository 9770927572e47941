/// Reversible text for any bytes, fit for a file name: letters, digits, '_' and '-' stand for themselves, everything else
/// is '%' and two hexadecimal digits. So no name is ".", "..", hidden, or holds a '/'.
enum StoreName {
    static let longest = 200

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            if isPlain(byte) {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 15)]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nil when `text` is nothing that `encode` gives.
    static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if isPlain(byte) {
                out.append(byte)
                continue
            }
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            rest = rest.dropFirst(2)
            out.append(value)
        }
        return encode(out) == text ? out : nil
    }

    /// The file name of a record. A name too long for one is replaced by its digest; '~' keeps the two kinds apart, and '+' those
    /// of other tenants than the default, which are all replaced.
    static func fileName(for name: String, in space: String) -> String {
        guard space == Space.standard else {
            // A tenant's name has no line end.
            return "+" + Array("\(space)\n\(name)".utf8).withUnsafeBytes { Store.digest(of: $0) }
        }
        let encoded = encode(name.utf8)
        if encoded.utf8.count <= longest { return encoded }
        return "~" + Array(name.utf8).withUnsafeBytes { Store.digest(of: $0) }
    }

    /// Of a version's record; the first has the name alone. No other name has a '.'.
    static func fileName(for name: String, in space: String, version: Int) -> String {
        fileName(for: name, in: space) + (version == 1 ? "" : ".\(version)")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
