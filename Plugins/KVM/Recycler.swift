import CKVM
import Glibc
import PluginSupport

/// Makes used memory read as zeros again.
///
/// Zeroing a page in place costs a thirtieth of giving it back and faulting it in anew, so pages of a window that every
/// function uses are zeroed, those that are resident at all; what lies outside the window goes back to the system.
struct Recycler: ~Copyable {
    private let pagemap: Int32
    private let regions: UnsafeMutablePointer<ckvm_region>
    private static let regionCount = 128

    /// `pagemap` is an open /proc/self/pagemap whose kernel has PAGEMAP_SCAN, or -1.
    init(pagemap: Int32) {
        self.pagemap = pagemap
        regions = .allocate(capacity: Self.regionCount)
    }

    deinit { regions.deallocate() }

    /// Opens /proc/self/pagemap; -1 when the kernel cannot list resident pages (before Linux 6.7).
    static func openPagemap() -> Int32 {
        let descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return -1 }
        var probe = ckvm_scan()
        probe.size = UInt64(MemoryLayout<ckvm_scan>.size)
        probe.category_anyof_mask = ckvm_page_present
        probe.return_mask = ckvm_page_present
        if ioctl(descriptor, ckvm_pagemap_scan, &probe) == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    /// Zeroes [base, base + length); resident pages of `window` (offsets, whole pages) stay resident.
    borrowing func recycle(_ base: UnsafeMutableRawPointer, length: Int, window: Range<Int>) {
        let window = window.clamped(to: 0..<length)
        guard pagemap >= 0, zeroResident(base, length, window) else {
            madvise(base, length, MADV_DONTNEED)
            return
        }
    }

    /// False when the kernel refused.
    private borrowing func zeroResident(_ base: UnsafeMutableRawPointer, _ length: Int, _ window: Range<Int>) -> Bool {
        let start = UInt64(UInt(bitPattern: base))
        var scan = ckvm_scan()
        scan.size = UInt64(MemoryLayout<ckvm_scan>.size)
        scan.start = start
        scan.end = start + UInt64(length)
        scan.vec = UInt64(UInt(bitPattern: regions))
        scan.vec_len = UInt64(Self.regionCount)
        // Present or swapped out, but not the shared page of zeros.
        scan.category_anyof_mask = ckvm_page_present | ckvm_page_swapped
        scan.category_mask = ckvm_page_zero
        scan.category_inverted = ckvm_page_zero
        scan.return_mask = ckvm_page_present
        while scan.start < scan.end {
            let found = ioctl(pagemap, ckvm_pagemap_scan, &scan)
            guard found >= 0 else { return false }
            for index in 0..<Int(found) {
                let begin = Int(regions[index].start - start)
                let end = Int(regions[index].end - start)
                let kept = (begin..<end).clamped(to: window)
                // SAFETY: the kernel reports only pages of [base, base + length).
                if !kept.isEmpty { memset(base + kept.lowerBound, 0, kept.count) }
                if begin < window.lowerBound {
                    madvise(base + begin, min(end, window.lowerBound) - begin, MADV_DONTNEED)
                }
                if end > window.upperBound {
                    madvise(base + window.upperBound, length - window.upperBound, MADV_DONTNEED)
                    return true
                }
            }
            scan.start = scan.walk_end
        }
        return true
    }
}
