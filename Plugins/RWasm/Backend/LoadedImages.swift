import Glibc
import RWasmCore
import Synchronization

/// Images that somebody holds: the same bytes are decoded once, and their code is loaded once.
///
/// What is looked up are all of a module's bytes; the key is made from few of them, so that finding costs little more than
/// comparing.
final class LoadedImages: Sendable {
    private struct Entry {
        weak var image: Image?
    }

    private let entries = Mutex<[Int: [Entry]]>([:])
    /// Words that the key is made from.
    private static let samples = 16

    private static func key(_ bytes: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes.count)
        for offset in stride(from: 0, to: bytes.count - 7, by: max(1, bytes.count / samples)) {
            hasher.combine(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        return hasher.finalize()
    }

    /// An image of exactly these bytes that begins there.
    func find(_ bytes: UnsafeRawBufferPointer, _ entry: String?) -> Image? {
        let key = Self.key(bytes)
        let candidates = entries.withLock { $0[key] } ?? []
        return candidates.lazy.compactMap(\.image).first { image in
            image.main.module.entry == entry
                && image.main.module.bytes.withUnsafeBytes { own in
                    guard let left = own.baseAddress, let right = bytes.baseAddress else { return false }
                    // SAFETY: both have that many bytes.
                    return own.count == bytes.count && memcmp(left, right, bytes.count) == 0
                }
        }
    }

    func insert(_ image: Image) {
        let key = image.main.module.bytes.withUnsafeBytes(Self.key)
        entries.withLock { entries in
            entries = entries.compactMapValues { same in
                let living = same.filter { $0.image != nil }
                return living.isEmpty ? nil : living
            }
            entries[key, default: []].append(Entry(image: image))
        }
    }
}
