internal import CNettle
package import Failure
internal import Items
internal import Platform

/// A key that a node keeps in a folder of its state, by which it knows again what it wrote there itself.
package struct StateSeal: Sendable {
    private let key: [UInt8]
    private static let length = 32
    /// The key's file.
    static let file = "key"

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
        Store.hexadecimal(seal(of: text, UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    /// HMAC-SHA-256 of a name, which is of one length always, and of what is kept under it: 32 bytes.
    func seal(of name: String, _ contents: UnsafeRawBufferPointer) -> [UInt8] {
        var context = hmac_sha256_ctx()
        nettle_hmac_sha256_set_key(&context, key.count, key)
        let bytes = Array(name.utf8)
        nettle_hmac_sha256_update(&context, bytes.count, bytes)
        // SAFETY: contents has contents.count readable bytes; with none of them the pointer may be null and is not read.
        nettle_hmac_sha256_update(&context, contents.count, contents.baseAddress?.assumingMemoryBound(to: UInt8.self))
        var seal = [UInt8](repeating: 0, count: 32)
        // SAFETY: seal has the 32 bytes that are asked for.
        nettle_hmac_sha256_digest(&context, seal.count, &seal)
        return seal
    }
}
