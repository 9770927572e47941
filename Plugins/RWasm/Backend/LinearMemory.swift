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

    /// More than a 32-bit address and a 32-bit offset reach, and a multiple of `alignment`.
    static let reservedBytes = 13 << 30
    /// Of byte number `kept`: what an upper page table maps. As long as nothing beyond is touched, the kernel sees that by the
    /// absence of the next such table, instead of looking at 2 MiB after 2 MiB.
    static let alignment: UInt = 1 << 30
    /// Memory that stays resident while it is not in use.
    static let kept = 4 << 20

    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// Makes exactly the first `count` bytes accessible.
    mutating func protect(_ count: UInt64) throws(PluginError) {
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

    /// Makes all of it zero again; `bytes` are those that a run left accessible.
    mutating func recycle(_ bytes: UInt64, with recycler: borrowing Recycler) {
        accessible = max(accessible, bytes)
        recycler.zero(base, 0..<Int(accessible), keeping: 0..<Self.kept)
    }

    /// What an instance sees of it.
    func state(bytes: UInt64, maximum: UInt64, room: UnsafeMutablePointer<UInt64>) -> rwasm_memory {
        rwasm_memory(
            base: base.assumingMemoryBound(to: UInt8.self), bytes: bytes, grow: rwasm_grow, maximum: maximum,
            room: room)
    }
}
