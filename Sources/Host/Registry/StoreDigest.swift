internal import CNettle
public import Items

extension Store {
    /// SHA-256 of `content`: 64 lower-case hexadecimal digits.
    public static func digest(of content: Blob) -> String {
        content.withUnsafeBytes { digest(of: $0) }
    }

    /// The same of items, with their names, keys and places.
    static func digest(of sets: [[Item]]) -> String {
        let facts = sets.map { set in
            "\(set.count)"
                + set.map { " \(digest(of: $0.ident)) \($0.key) \(digest(of: $0.data))" }.joined()
        }
        return digest(of: Blob(facts.joined(separator: "\n")))
    }

    static func digest(of bytes: UnsafeRawBufferPointer) -> String {
        var context = sha256_ctx()
        nettle_sha256_init(&context)
        // SAFETY: bytes has bytes.count readable bytes; with none of them the pointer may be null and is not read.
        nettle_sha256_update(&context, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        var digest = [UInt8](repeating: 0, count: 32)
        // SAFETY: digest has the 32 bytes that are asked for.
        nettle_sha256_digest(&context, digest.count, &digest)
        return hexadecimal(digest)
    }

    /// Two lower-case digits for each byte.
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
