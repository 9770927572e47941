import CPluginKit
import Glibc

/// A process's pagemap, if this kernel can list resident pages (Linux 6.7). Any thread.
public final class Pagemap: Sendable {
    /// -1 when the kernel cannot, or does not let this process.
    public let descriptor: Int32

    /// - Parameter process: a pid; nil = this process.
    public init(of process: Int32? = nil) {
        let name = process.map { "\($0)" } ?? "self"
        let opened = open("/proc/\(name)/pagemap", O_RDONLY | O_CLOEXEC)
        var probe = dk_scan()
        probe.size = UInt64(MemoryLayout<dk_scan>.size)
        probe.category_anyof_mask = dk_page_present
        probe.return_mask = dk_page_present
        if opened >= 0, ioctl(opened, dk_pagemap_scan, &probe) != 0 {
            close(opened)
            descriptor = -1
        } else {
            descriptor = opened
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    public var isUsable: Bool { descriptor >= 0 }

    /// Whether no page of a private mapping of a file was written; false when the kernel cannot tell. Any thread.
    public func isUntouched(_ base: UnsafeRawPointer, _ count: Int) -> Bool {
        guard descriptor >= 0 else { return false }
        var first = dk_region()
        return withUnsafeMutablePointer(to: &first) { region in
            var scan = dk_scan()
            scan.size = UInt64(MemoryLayout<dk_scan>.size)
            scan.start = UInt64(UInt(bitPattern: base))
            scan.end = scan.start + UInt64(count)
            scan.vec = UInt64(UInt(bitPattern: region))
            scan.vec_len = 1
            scan.max_pages = 1
            scan.category_anyof_mask = dk_page_present | dk_page_swapped
            scan.category_mask = dk_page_file
            scan.category_inverted = dk_page_file
            scan.return_mask = dk_page_present
            return ioctl(descriptor, dk_pagemap_scan, &scan) == 0
        }
    }
}

/// Makes used memory read as zeros again.
///
/// Zeroing a page in place costs a thirtieth of giving it back and faulting it in anew, so pages of a window that every
/// function uses are zeroed, those that are resident at all; what lies outside the window goes back to the system.
public struct Recycler: ~Copyable {
    private let pagemap: Pagemap
    private let regions: UnsafeMutablePointer<dk_region>
    private static let regionCount = 128

    public init(_ pagemap: Pagemap) {
        self.pagemap = pagemap
        regions = .allocate(capacity: Self.regionCount)
    }

    deinit { regions.deallocate() }

    /// Zeroes the memory at `range` of `base`; resident pages of `window` stay resident. All in offsets, whole pages.
    public borrowing func zero(_ base: UnsafeMutableRawPointer, _ range: Range<Int>, keeping window: Range<Int>) {
        guard !range.isEmpty else { return }
        let complete = scan(base, range, not: dk_page_zero) { begin, end in
            let kept = (begin..<end).clamped(to: window)
            // SAFETY: the kernel reports only pages of the range.
            if !kept.isEmpty { memset(base + kept.lowerBound, 0, kept.count) }
            if begin < window.lowerBound {
                madvise(base + begin, min(end, window.lowerBound) - begin, MADV_DONTNEED)
            }
            guard end > window.upperBound else { return true }
            let rest = max(window.upperBound, range.lowerBound)
            madvise(base + rest, range.upperBound - rest, MADV_DONTNEED)
            return false
        }
        if !complete { madvise(base + range.lowerBound, range.count, MADV_DONTNEED) }
    }

    /// Most bytes that stay as copies of their own in a mapped image; the rest is mapped anew.
    private static var mostRestored: Int { 4 << 20 }

    /// Puts the contents back into pages that were written of a private mapping.
    public borrowing func restore(_ base: UnsafeMutableRawPointer, to contents: UnsafeRawPointer, _ count: Int) {
        var restored = 0
        let complete = scan(base, 0..<count, not: dk_page_file) { begin, end in
            restored += end - begin
            guard restored <= Self.mostRestored else {
                madvise(base + begin, count - begin, MADV_DONTNEED)
                return false
            }
            // SAFETY: the kernel reports only pages of the range, and the contents are as long.
            memcpy(base + begin, contents + begin, end - begin)
            return true
        }
        if !complete { madvise(base, count, MADV_DONTNEED) }
    }

    /// Bytes of the pages of a private mapping that were written; 0 where the kernel cannot tell.
    public borrowing func written(_ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
        var bytes = 0
        _ = scan(base, 0..<count, not: dk_page_file) { begin, end in
            bytes += end - begin
            return true
        }
        return bytes
    }

    /// Calls `body` with the offsets of all pages of `range` that may hold something.
    public borrowing func resident(_ base: UnsafeMutableRawPointer, _ range: Range<Int>, _ body: (Int, Int) -> Void) {
        let complete = scan(base, range, not: dk_page_zero) { begin, end in
            body(begin, end)
            return true
        }
        if !complete { body(range.lowerBound, range.upperBound) }
    }

    /// Calls `body` with offsets of resident or swapped pages that are not of that category, until it returns false.
    /// - Returns: false when the kernel cannot tell.
    private borrowing func scan(
        _ base: UnsafeMutableRawPointer, _ range: Range<Int>, not category: UInt64, _ body: (Int, Int) -> Bool
    ) -> Bool {
        guard pagemap.isUsable else { return false }
        let start = UInt64(UInt(bitPattern: base))
        var scan = dk_scan()
        scan.size = UInt64(MemoryLayout<dk_scan>.size)
        scan.start = start + UInt64(range.lowerBound)
        scan.end = start + UInt64(range.upperBound)
        scan.vec = UInt64(UInt(bitPattern: regions))
        scan.vec_len = UInt64(Self.regionCount)
        scan.category_anyof_mask = dk_page_present | dk_page_swapped
        scan.category_mask = category
        scan.category_inverted = category
        scan.return_mask = dk_page_present
        while scan.start < scan.end {
            let found = ioctl(pagemap.descriptor, dk_pagemap_scan, &scan)
            guard found >= 0 else { return false }
            for index in 0..<Int(found) where !body(Int(regions[index].start - start), Int(regions[index].end - start))
            {
                return true
            }
            scan.start = scan.walk_end
        }
        return true
    }
}
