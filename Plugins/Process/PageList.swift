import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// Asks the kernel which pages of a private mapping were written, of this process and of children.
final class PageList: @unchecked Sendable {
    // Safe to share: fixed after init but for `works`, which is atomic.
    let own = Pagemap()
    private let works: Atomic<Bool>
    private let tried = Atomic<Bool>(false)

    init() { works = Atomic(own.isUsable) }

    /// Whether images can be mapped: what children write to them can be found and read.
    var isUsable: Bool { works.load(ordering: .relaxed) }

    /// Tries, once, to read a child that waits.
    /// - Returns: why it cannot be read, when that was found now.
    func tryReading(_ child: Int32) -> Int32? {
        guard isUsable, !tried.exchange(true, ordering: .relaxed) else { return nil }
        var list = dp_pages(begin: UInt64(DP_CHILD), end: UInt64(DP_CHILD) + pageSize, own: 1, padding: 0)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: Int(pageSize), alignment: 8)
        defer { copy.deallocate() }
        let error = dp_copy_pages(child, &list, 1, UInt64(DP_CHILD), copy)
        guard error < 0 || !Pagemap(of: child).isUsable else { return nil }
        works.store(false, ordering: .relaxed)
        return error < 0 ? -error : EACCES
    }

    /// Writes this process's view to pages of a child; `view` is that of address `base`.
    /// - Returns: false when the child is not there any more.
    func put(_ pages: [dp_pages], child: Int32, base: UInt64, from view: UnsafeRawPointer) -> Bool {
        pages.withUnsafeBufferPointer { pages in
            var done = 0
            while done < pages.count, let first = pages.baseAddress {
                let count = min(pages.count - done, Int(DP_PAGES))
                // Safe: the pages were listed in the range that the view is of.
                guard dp_put_pages(child, first + done, Int32(count), base, view) == 0 else { return false }
                done += count
            }
            return true
        }
    }

    /// Calls `body` with offset and size of the pages at `base` of this process that were written.
    /// - Returns: false when the kernel cannot tell.
    @discardableResult
    func each(
        ofOwn base: UnsafeMutableRawPointer, _ count: Int, _ body: (_ begin: Int, _ count: Int) -> Void
    ) -> Bool {
        each(own, UInt64(UInt(bitPattern: base)), count, true, nil) { begin, count, _ in body(begin, count) }
    }

    /// Calls `body` with offset, size and kind of a child's pages that are in memory, or those only that it wrote. The latter
    /// are copied to where they belong first.
    func each(
        of pagemap: Pagemap, _ range: Range<UInt64>, ownOnly: Bool,
        copying: (child: Int32, to: UnsafeMutableRawPointer), _ body: (_ begin: Int, _ count: Int, _ own: Bool) -> Void
    ) -> Bool {
        each(pagemap, range.lowerBound, range.count, ownOnly, copying, body)
    }

    /// Copies what a child wrote to a private mapping to where it belongs.
    /// - Returns: how many bytes those pages have, nil when the child is not there any more.
    func copyOwn(
        of pagemap: Pagemap, at address: UInt64, _ count: Int, copying: (child: Int32, to: UnsafeMutableRawPointer)
    ) -> Int? {
        var copied = 0
        let complete = each(pagemap, address, count, true, copying) { _, count, _ in copied += count }
        return complete ? copied : nil
    }

    private func each(
        _ pagemap: Pagemap, _ base: UInt64, _ count: Int, _ ownOnly: Bool,
        _ copying: (child: Int32, to: UnsafeMutableRawPointer)?, _ body: (Int, Int, Bool) -> Void
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: dp_pages.self, capacity: Int(DP_PAGES)) { found in
            guard let list = found.baseAddress else { return false }
            var at = base
            let end = base &+ UInt64(count)
            while at < end {
                let count = dp_list_pages(pagemap.descriptor, &at, end, ownOnly ? 1 : 0, list)
                guard count >= 0 else { return false }
                if let copying, dp_copy_pages(copying.child, list, count, base, copying.to) < 0 { return false }
                for pages in found.prefix(Int(count)) {
                    body(Int(pages.begin &- base), Int(pages.end &- pages.begin), pages.own != 0)
                }
            }
            return true
        }
    }
}
