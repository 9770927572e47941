import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// A linear memory that is used again and again: a part of a slot's reservation, of which the first bytes are accessible.
///
/// SAFETY: `base` begins a reservation of `reservedBytes` that only the slot's engine touches.
struct LinearMemory {
    let base: UnsafeMutableRawPointer
    private var accessible: UInt64 = 0
    /// What is mapped privately over the first bytes, and as in its file between runs.
    private var shown: ImageContents?

    /// More than a 32-bit address and a 32-bit offset reach, and a multiple of `alignment`.
    static let reservedBytes = 13 << 30
    /// Of byte number `kept`: what an upper page table maps. As long as nothing beyond is touched, the kernel sees that by the
    /// absence of the next such table, instead of looking at 2 MiB after 2 MiB.
    static let alignment: UInt = 1 << 30
    /// Memory that stays resident while it is not in use.
    static let kept = 4 << 20

    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// Makes exactly the first `count` bytes accessible, and what they begin with be that of `contents`, which lie in them. All
    /// else is zero before, and after.
    mutating func prepare(_ count: UInt64, _ contents: ImageContents? = nil) throws(PluginError) {
        if contents !== shown { try hide() }
        try protect(count)
        guard let contents, shown == nil, let file = contents.file else { return }
        shown = contents
        for part in contents.parts { try lay(part, file, part.offset) }
    }

    /// Zeros where something was mapped.
    private mutating func hide() throws(PluginError) {
        for part in shown?.parts ?? [] { try lay(part, -1, 0) }
        shown = nil
    }

    private func lay(_ part: ImageContents.Part, _ file: Int32, _ offset: Int) throws(PluginError) {
        let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | (file < 0 ? MAP_ANONYMOUS : 0)
        // SAFETY: whole pages of accessible memory, and nobody runs in it now.
        let mapped = mmap(
            base + Int(part.address), part.count, PROT_READ | PROT_WRITE, flags, file, off_t(offset))
        guard mapped != MAP_FAILED else {
            throw PluginError(
                DN_NO_MEMORY, "a module's data cannot be mapped into a context", errno: errno, retryable: true)
        }
    }

    private mutating func protect(_ count: UInt64) throws(PluginError) {
        guard count != accessible else { return }
        let grows = count > accessible
        let from = min(count, accessible)
        let length = Int(max(count, accessible) - from)
        guard mprotect(base + Int(from), length, grows ? PROT_READ | PROT_WRITE : PROT_NONE) == 0 else {
            throw PluginError(DN_NO_MEMORY, "cannot change the protection of \(length) bytes", errno: errno)
        }
        // What a larger function left beyond must not come back with the next one.
        if !grows { madvise(base + Int(from), length, MADV_DONTNEED) }
        accessible = count
    }

    /// Makes all of it zero again, or what is mapped there as in its file; `bytes` are those that a run left accessible.
    mutating func recycle(_ bytes: UInt64, with recycler: borrowing Recycler) {
        accessible = max(accessible, bytes)
        var begin = 0
        for part in shown?.parts ?? [] {
            let at = Int(part.address)
            recycler.zero(base, begin..<at, keeping: 0..<Self.kept)
            if let shown { recycler.restore(base + at, to: shown.contents(of: part), part.count) }
            begin = at + part.count
        }
        recycler.zero(base, begin..<max(begin, Int(accessible)), keeping: 0..<Self.kept)
    }

    /// What an instance sees of it.
    func state(bytes: UInt64, maximum: UInt64, room: UnsafeMutablePointer<UInt64>) -> rwasm_memory {
        rwasm_memory(
            base: base.assumingMemoryBound(to: UInt8.self), bytes: bytes, grow: rwasm_grow, maximum: maximum,
            room: room)
    }
}
