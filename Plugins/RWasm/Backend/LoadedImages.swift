import Glibc

/// Images that somebody holds: the same bytes are decoded once, and their code is loaded once.
struct LoadedImages {
    private struct Entry {
        weak var image: Image?
    }

    private var entries: [Int: Entry] = [:]

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: bytes)
        return hasher.finalize()
    }

    /// An image of exactly these bytes.
    func find(_ bytes: UnsafeRawBufferPointer) -> Image? {
        guard let image = entries[Self.hash(bytes)]?.image else { return nil }
        let isSame = image.module.bytes.withUnsafeBytes { own in
            guard let left = own.baseAddress, let right = bytes.baseAddress else { return false }
            // SAFETY: both have that many bytes.
            return own.count == bytes.count && memcmp(left, right, bytes.count) == 0
        }
        return isSame ? image : nil
    }

    mutating func insert(_ image: Image) {
        entries = entries.filter { $0.value.image != nil }
        entries[image.module.bytes.withUnsafeBytes(Self.hash)] = Entry(image: image)
    }
}
