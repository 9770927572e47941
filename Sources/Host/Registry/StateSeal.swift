internal import CNettle
package import Failure
internal import Items
internal import Platform

/// A key that a node keeps in a folder of its state, by which it knows again what it wrote there itself.
package struct StateSeal: Sendable {
    private let key: [UInt8]
    private static let length = 32
    private static let file = "key"

    /// Takes the folder's key, or makes one where there is none that can be used.
    /// - Throws: `.internal` when none can be written.
    package init(in folder: StoreFolder) throws(Failure) {
        if let kept = try? folder.read(Self.file, limit: Self.length), kept.count == Self.length {
            key = kept.withUnsafeBytes { Array($0) }
            return
        }
        var made = [UInt8](repeating: 0, count: Self.length)
        made.withUnsafeMutableBytes { Entropy.fill($0) }
        try Blob(made).withUnsafeBytes { (bytes) throws(Failure) in try folder.put(Self.file, bytes) }
        key = made
    }

    /// HMAC-SHA-256 of the text: 64 lower-case hexadecimal digits.
    package func seal(of text: String) -> String {
        var context = hmac_sha256_ctx()
        nettle_hmac_sha256_set_key(&context, key.count, key)
        let bytes = Array(text.utf8)
        nettle_hmac_sha256_update(&context, bytes.count, bytes)
        var seal = [UInt8](repeating: 0, count: 32)
        // SAFETY: seal has the 32 bytes that are asked for.
        nettle_hmac_sha256_digest(&context, seal.count, &seal)
        return Store.hexadecimal(seal)
    }
}
