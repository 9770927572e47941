import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// The host's side of an image that is mapped and not copied: a private mapping of the image's file over the slot's memory, into
/// which what a child wrote to its own mapping is fetched, so that the host's view of a context is whole.
///
/// What is copied of such an image lies in the slot's memory between runs, too: it is written anew after a run, so that the
/// next run of the image finds it.
extension SlotMemory {
    /// Has the image where it belongs, or nothing without a plan; all else must be zero.
    mutating func map(_ image: Image?, _ plan: Plan?) throws(PluginError) {
        guard plan !== self.plan || (plan != nil && image !== mapped) else { return }
        try unmap()
        guard let image, let plan, let contents = image.contents.file else { return }
        self.plan = plan
        smallEnd = Self.smallEnd(of: image)
        keepSmall(0..<offset(smallEnd))
        // What is resident there is hidden from now on, and would be taken for the mapping's.
        _ = dp_punch(file, offset(plan.span.lowerBound), UInt64(plan.span.count))
        resident = Resident()
        for part in plan.mapped { try lay(part, contents, UInt64(part.offset), MAP_PRIVATE) }
        mapped = image
        pristine = plan.copied.map { fileRange(of: $0.range) }.sorted { $0.lowerBound < $1.lowerBound }
        image.copy(plan.copied, to: self)
    }

    private mutating func unmap() throws(PluginError) {
        for range in pristine { _ = dp_punch(file, range.lowerBound, UInt64(range.count)) }
        try leave()
    }

    /// The slot's own memory is everywhere again, as it is.
    private mutating func leave() throws(PluginError) {
        pristine = []
        resident = Resident()
        if let plan, !plan.mapped.isEmpty { try layOwn(plan.span) }
        plan = nil
        mapped = nil
        smallEnd = Self.smallEnd
    }

    func layOwn(_ range: Range<UInt64>) throws(PluginError) {
        let part = ImageContents.Part(address: range.lowerBound, offset: 0, count: range.count)
        try lay(part, file, offset(range.lowerBound), MAP_SHARED)
        keepSmall(offset(range.lowerBound)..<offset(range.upperBound))
    }

    func lay(_ part: ImageContents.Part, _ file: Int32, _ offset: UInt64, _ sharing: Int32) throws(PluginError) {
        let at = context(part.address)
        // Safe: whole pages of this slot's own addresses, and nobody has a view of them: no context is loaded yet.
        let laid = mmap(
            at, part.count, PROT_READ | PROT_WRITE, sharing | MAP_FIXED | MAP_NORESERVE, file, off_t(offset))
        guard laid != MAP_FAILED else {
            throw PluginError(
                DN_NO_MEMORY, "an image cannot be mapped into a context: \(errorText(errno))", errno: errno,
                retryable: true)
        }
        madvise(at, part.count, MADV_DONTFORK)
    }

    /// The host will write there, which a child would not see where the image is mapped.
    mutating func announceWrite(_ range: Range<UInt64>) {
        guard let plan, plan.span.overlaps(range), !isOwnUnknown else { return }
        plan.eachMapped(in: range) { _ in isOwnUnknown = true }
    }

    /// Whether the host has written to pages of the mapped image, which a child would not see.
    borrowing func hostHasWritten(_ pages: PageList) -> Bool {
        guard isOwnUnknown, let mapped, let plan else { return false }
        var differs = false
        eachHostPage(plan, pages) { part in
            // Safe: a piece of the image where it is mapped.
            differs = differs || memcmp(context(part.address), mapped.contents.contents(of: part), part.count) != 0
        }
        return differs
    }

    /// Calls `body` with pieces of the mapped image that the host wrote or fetched.
    /// - Returns: false when the kernel cannot tell.
    @discardableResult
    private borrowing func eachHostPage(
        _ plan: Plan, _ pages: PageList, _ body: (ImageContents.Part) -> Void
    ) -> Bool {
        guard !plan.span.isEmpty else { return true }
        let first = plan.span.lowerBound
        return pages.each(ofOwn: context(first), plan.span.count) { begin, count in
            let begin = first &+ UInt64(begin)
            plan.eachMapped(in: begin..<begin &+ UInt64(count), body)
        }
    }

    /// Moves what is mapped, as it is now, to the slot's own memory.
    mutating func absorb() throws(PluginError) {
        for part in parts {
            var done = 0
            while done < part.count {
                let written = pwrite(
                    file, context(part.address) + done, part.count - done, off_t(offset(part.address)) + off_t(done))
                guard written > 0 else {
                    throw PluginError(DN_NO_MEMORY, "no memory for an image: \(errorText(errno))", errno: errno)
                }
                done += written
            }
        }
        try leave()
    }

    /// Copies pages that the child wrote to its own mapping into the host's. False when the child is not there any more.
    /// - Parameter ownOnly: `seen` takes those only that it wrote, which is quicker.
    mutating func fetch(
        from child: Int32, pagemap: Pagemap, _ pages: PageList, ownOnly: Bool, seen: inout Habit
    ) -> Bool {
        guard let span = plan?.writable, !span.isEmpty else { return true }
        let isComplete = pages.each(
            of: pagemap, span, ownOnly: ownOnly, copying: (child, context(span.lowerBound))
        ) { begin, count, isOwn in
            let range = span.lowerBound &+ UInt64(begin)..<span.lowerBound &+ UInt64(begin + count)
            seen.add(range, written: isOwn)
            guard isOwn else { return }
            own.append(dp_pages(begin: range.lowerBound, end: range.upperBound, own: 1, padding: 0))
            fetched &+= UInt64(count)
        }
        if !isComplete { isOwnUnknown = true }
        return isComplete
    }

    /// Most bytes that stay as the host's own copies of a mapped image's pages; the rest is mapped anew.
    private static var mostRestored: Int { 4 << 20 }

    /// Puts the contents back where something was fetched or written; `own` still tells what a child has to get back. No process that ran untrusted code may have the memory
    /// any more, or it must be held.
    mutating func restore(with pages: PageList) throws(PluginError) {
        defer { (fetched, isOwnUnknown) = (0, false) }
        guard let plan else { return }
        // Its image was unloaded: nothing of it stays.
        guard let mapped else { return try unmap() }
        if fetched > Self.mostRestored || (isOwnUnknown && !restoreUnknown(mapped, plan, pages)) {
            for part in plan.mapped { madvise(context(part.address), part.count, MADV_DONTNEED) }
        } else {
            for pages in own { plan.eachMapped(in: pages.begin..<pages.end) { restore($0, mapped) } }
        }
        mapped.copy(plan.copied, to: self)
    }

    private borrowing func restore(_ part: ImageContents.Part, _ image: Image) {
        // Safe: a piece of the image where it is mapped.
        context(part.address).copyMemory(from: image.contents.contents(of: part), byteCount: part.count)
    }

    private borrowing func restoreUnknown(_ image: Image, _ plan: Plan, _ pages: PageList) -> Bool {
        eachHostPage(plan, pages) { restore($0, image) }
    }
}
