internal import CPlatform
internal import Glibc

/// A file in memory that is mapped here and that others can map: functions' sandboxes privately, so that nobody but whoever
/// has this object can change it.
public final class SharedFile: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; who may write to `base` is its owner's word.
    public let descriptor: Int32
    /// Where the file's first byte is mapped, as large pages are aligned.
    public let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// What a large page holds, bytes.
    public static let largePage = 2 << 20

    /// Whether whole large pages of such files cost one fault to map.
    public static var hasLargePages: Bool { cp_has_large_pages() == 1 }

    /// - Parameter capacity: Bytes, rounded up to whole large pages.
    /// - Returns: nil when the process may not have another descriptor or mapping, or the kernel has no memory.
    public init?(capacity: Int) {
        let mask = Self.largePage - 1
        guard capacity > 0, capacity <= Int.max - 2 * Self.largePage else { return nil }
        byteCount = (capacity + mask) & ~mask
        descriptor = cp_shared_file(UInt64(byteCount))
        guard descriptor >= 0 else { return nil }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let reserved = mmap(nil, byteCount + mask, PROT_NONE, flags, -1, 0), reserved != MAP_FAILED else {
            close(descriptor)
            return nil
        }
        let begin = (Int(bitPattern: reserved) + mask) & ~mask
        let lead = begin - Int(bitPattern: reserved)
        base = reserved + lead
        // SAFETY: all three ranges lie in what was just reserved.
        if lead > 0 { munmap(reserved, lead) }
        if mask > lead { munmap(base + byteCount, mask - lead) }
        let mapped = mmap(base, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0)
        guard mapped != MAP_FAILED else {
            munmap(base, byteCount)
            close(descriptor)
            return nil
        }
        // A fork of this process must not make its pages anybody else's.
        madvise(base, byteCount, MADV_DONTFORK)
    }

    deinit {
        munmap(base, byteCount)
        close(descriptor)
    }
}
