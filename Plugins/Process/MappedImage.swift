import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// The host's side of an image that is mapped and not copied: a private mapping of the image's file over the slot's memory, into
/// which what a child wrote to its own mapping is fetched, so that the host's view of a context is whole.
extension SlotMemory {
    /// Maps the image where it belongs, or nothing without a plan; the memory there must be zero.
    mutating func map(_ image: Image?, _ plan: Plan?) throws(PluginError) {
        guard plan !== self.plan || (plan != nil && image !== mapped) else { return }
        try unmap()
        guard let image, let plan, let contents = image.contents.file else { return }
        self.plan = plan
        for part in plan.mapped {
            // What is resident there is hidden from now on, and would be taken for the mapping's.
            _ = dp_punch(file, offset(part.address), UInt64(part.count))
            resident = Resident()
            try lay(part, contents, UInt64(part.offset), MAP_PRIVATE)
        }
        mapped = image
    }

    private mutating func unmap() throws(PluginError) {
        for part in parts { try layOwn(part) }
        plan = nil
        mapped = nil
    }

    func layOwn(_ part: ImageContents.Part) throws(PluginError) {
        try lay(part, file, offset(part.address), MAP_SHARED)
        laidOwn(part.address, part.count)
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

    /// Whether the host has written to pages of the mapped image, which a child would not see.
    borrowing func hostHasWritten(_ pages: PageList) -> Bool {
        guard let mapped else { return false }
        for part in parts {
            let pristine = mapped.contents.contents(of: part)
            let from = context(part.address)
            var differs = false
            pages.each(ofOwn: from, part.count) { begin, count in
                // Safe: the kernel lists pages of the part only.
                differs = differs || memcmp(from + begin, pristine + begin, count) != 0
            }
            if differs { return true }
        }
        return false
    }

    /// Moves what is mapped, as it is now, to the slot's own memory.
    mutating func absorb() throws(PluginError) {
        let parts = parts
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
        try unmap()
    }

    /// Copies pages that the child wrote to its own mapping into the host's. False when the child is not there any more.
    mutating func fetch(from child: Int32, pagemap: Pagemap, _ pages: PageList, seen: inout Habit) -> Bool {
        for part in parts {
            let to = context(part.address)
            let complete = pages.each(
                of: pagemap, at: part.address, part.count, copying: (child, to)
            ) { begin, count, own in
                let address = part.address &+ UInt64(begin)
                seen.add(address..<address &+ UInt64(count), written: own)
                if own { fetched &+= UInt64(count) }
            }
            guard complete else { return false }
        }
        return true
    }

    /// Puts the contents back where something was fetched or written.
    mutating func restore(with recycler: borrowing Recycler) {
        fetched = 0
        guard let mapped else {
            // Its image was unloaded: nothing of it stays.
            if !parts.isEmpty { try? unmap() }
            return
        }
        for part in parts {
            recycler.restore(context(part.address), to: mapped.contents.contents(of: part), part.count)
        }
    }
}
