import RWasmCore

/// A JSON value (RFC 8259), as far as the converted tests need it: numbers keep their text.
enum JSON {
    case object([String: JSON])
    case array([JSON])
    case text(String)
    case other(String)

    subscript(key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var string: String? {
        if case .text(let text) = self { text } else { nil }
    }

    var number: Int? {
        if case .other(let text) = self { Int(text) } else { nil }
    }

    var list: [JSON] {
        if case .array(let elements) = self { elements } else { [] }
    }

    /// Nil when the bytes are no JSON.
    init?(_ bytes: [UInt8]) {
        var parser = Parser(bytes: bytes)
        guard let value = parser.value() else { return nil }
        self = value
    }

    private struct Parser {
        let bytes: [UInt8]
        var at = 0

        private mutating func skip() {
            while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skip()
            guard at < bytes.count, UInt32(bytes[at]) == character.value else { return false }
            at += 1
            return true
        }

        mutating func value() -> JSON? {
            if take("{") { return object() }
            if take("[") { return array() }
            if take("\"") { return string().map { .text($0) } }
            let begin = at
            while at < bytes.count, !Array(",]} \n\r\t".utf8).contains(bytes[at]) { at += 1 }
            return at > begin ? .other(String(decoding: bytes[begin..<at], as: UTF8.self)) : nil
        }

        private mutating func object() -> JSON? {
            var members: [String: JSON] = [:]
            if take("}") { return .object(members) }
            repeat {
                guard take("\""), let key = string(), take(":"), let value = value() else { return nil }
                members[key] = value
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func array() -> JSON? {
            var elements: [JSON] = []
            if take("]") { return .array(elements) }
            repeat {
                guard let element = value() else { return nil }
                elements.append(element)
            } while take(",")
            return take("]") ? .array(elements) : nil
        }

        private mutating func string() -> String? {
            var scalars = [UInt8]()
            while at < bytes.count, bytes[at] != 0x22 {
                guard bytes[at] == 0x5c else {
                    scalars.append(bytes[at])
                    at += 1
                    continue
                }
                guard let escaped = escape() else { return nil }
                scalars += Array(String(escaped).utf8)
            }
            guard at < bytes.count else { return nil }
            at += 1
            return String(decoding: scalars, as: UTF8.self)
        }

        private mutating func escape() -> Character? {
            guard at + 1 < bytes.count else { return nil }
            let kind = bytes[at + 1]
            at += 2
            let plain: [UInt8: Character] = [
                0x22: "\"", 0x5c: "\\", 0x2f: "/", 0x62: "\u{8}", 0x66: "\u{c}", 0x6e: "\n", 0x72: "\r", 0x74: "\t",
            ]
            if let character = plain[kind] { return character }
            guard var code = hex() else { return nil }
            if (0xd800..<0xdc00).contains(code), at + 1 < bytes.count, bytes[at] == 0x5c {
                at += 2
                guard let low = hex(), low >= 0xdc00 else { return nil }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            return Unicode.Scalar(code).map(Character.init)
        }

        private mutating func hex() -> UInt32? {
            guard at + 4 <= bytes.count else { return nil }
            defer { at += 4 }
            return UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        }
    }
}
