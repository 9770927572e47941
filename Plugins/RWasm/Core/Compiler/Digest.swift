import CNettle
import CRWasm

/// SHA-256: names cached code by what it was made from.
struct Digest {
    private var context = sha256_ctx()

    init() { nettle_sha256_init(&context) }

    mutating func update(_ bytes: [UInt8]) { nettle_sha256_update(&context, bytes.count, bytes) }

    /// 64 hexadecimal digits.
    mutating func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
        nettle_sha256_digest(&context, digest.count, &digest)
        return Hexadecimal.text(digest)
    }
}

enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// Tells what this node wrote from what somebody put in its place: HMAC-SHA-256 of a file's name and contents, with a key
/// that only the node's user can read.
struct Seal: Sendable {
    private let key: [UInt8]

    static let count = Int(SHA256_DIGEST_SIZE)

    init(key: [UInt8]) { self.key = key }

    /// Random bytes for a key; nil when the system has none.
    static func makeKey() -> [UInt8]? {
        var key = [UInt8](repeating: 0, count: count)
        return rwasm_random(&key, key.count) == 0 ? key : nil
    }

    func make(_ name: String, _ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var context = hmac_sha256_ctx()
        nettle_hmac_sha256_set_key(&context, key.count, key)
        let name = Array(name.utf8) + [0]
        nettle_hmac_sha256_update(&context, name.count, name)
        // SAFETY: the slice has that many bytes; with none of them nothing is read.
        bytes.withUnsafeBufferPointer { nettle_hmac_sha256_update(&context, $0.count, $0.baseAddress) }
        var seal = [UInt8](repeating: 0, count: Self.count)
        nettle_hmac_sha256_digest(&context, seal.count, &seal)
        return seal
    }

    func fits(_ seal: ArraySlice<UInt8>, _ name: String, _ bytes: ArraySlice<UInt8>) -> Bool {
        seal.count == Self.count && nettle_memeql_sec(make(name, bytes), Array(seal), Self.count) == 1
    }
}
