import CKVM
import Glibc
import PluginABI
import PluginKit

/// The guest memory that functions cannot touch: descriptor tables, exception stubs, trampoline and page tables.
///
/// Layout: Intel SDM volume 3, chapters 3 (GDT), 6 (IDT), 8 (TSS), 19 (port bitmap).
final class SystemArea {
    let base: UnsafeMutableRawPointer
    private var nextTable = GuestMap.Page.tables

    init() throws(PluginError) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, Int(GuestMap.systemBytes), PROT_READ | PROT_WRITE, flags, -1, 0),
            memory != MAP_FAILED
        else { throw PluginError(DN_NO_MEMORY, "no memory for a VM's system area", errno: errno) }
        base = memory
        madvise(base, Int(GuestMap.systemBytes), MADV_DONTFORK)
        writeDescriptors()
        writeInterrupts()
        writeTask()
        writeCode()
    }

    deinit { munmap(base, Int(GuestMap.systemBytes)) }

    // SAFETY of the raw accesses here and below: all offsets are constants or come from newTable, inside systemBytes.

    private func store<T: BitwiseCopyable>(_ value: T, at offset: UInt64) {
        base.storeBytes(of: value, toByteOffset: Int(offset), as: T.self)
    }

    private func writeDescriptors() {
        let task = GuestMap.system + GuestMap.Page.task
        let taskLow =
            Self.taskLimit & 0xffff | (task & 0xff_ffff) << 16 | 0x89 << 40 | (task >> 24 & 0xff) << 56
        let table: [UInt64] = [
            0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00cf_f300_0000_ffff, 0x00af_fb00_0000_ffff,
            taskLow, task >> 32,
        ]
        for (index, entry) in table.enumerated() { store(entry, at: GuestMap.Page.descriptors + UInt64(index) * 8) }
    }

    static let descriptorLimit: UInt16 = 7 * 8 - 1
    static let interruptLimit = UInt16(CKVM_VECTORS * 16 - 1)
    /// Up to the last byte of the port bitmap and the byte of ones that must follow it.
    static let taskLimit: UInt64 = 0x68 + 0x2000
    /// `int $32` is how images of the original system leave; breakpoints may be raised by functions too.
    private static let userVectors: Set<Int32> = [3, 4, 32]

    private func writeInterrupts() {
        for vector in 0..<CKVM_VECTORS {
            let target = Self.stub(vector)
            let type: UInt64 = Self.userVectors.contains(vector) ? 0xee : 0x8e
            let low = target & 0xffff | 0x08 << 16 | type << 40 | (target >> 16 & 0xffff) << 48
            let offset = GuestMap.Page.interrupts + UInt64(vector) * 16
            store(low, at: offset)
            store(target >> 32, at: offset + 8)
        }
    }

    /// The guest address of an exception's stub.
    static func stub(_ vector: Int32) -> UInt64 {
        GuestMap.system + GuestMap.Page.stubs + UInt64(vector) * UInt64(CKVM_STUB_BYTES)
    }

    private func writeTask() {
        let task = GuestMap.Page.task
        store(GuestMap.kernelStackTop, at: task + 4)
        for index in 0..<7 { store(GuestMap.kernelStackTop, at: task + 0x24 + UInt64(index) * 8) }
        store(UInt16(0x68), at: task + 0x66)
        memset(base + Int(task + 0x68), 0xff, 0x2001)
        let port = UInt64(CKVM_EXIT_PORT)
        store(~(UInt8(1) << UInt8(port % 8)), at: task + 0x68 + port / 8)
    }

    private func writeCode() {
        copy(ckvm_begin_stubs(), ckvm_end_stubs(), to: GuestMap.Page.stubs)
        copy(ckvm_begin_trampoline(), ckvm_end_trampoline(), to: GuestMap.Page.trampoline)
        // An XSAVE image without any component: only these two control words are read from it.
        store(UInt16(0x37f), at: GuestMap.Page.entry)
        store(UInt32(0x1f80), at: GuestMap.Page.entry + 24)
    }

    private func copy(_ begin: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, to offset: UInt64) {
        memcpy(base + Int(offset), begin, end - begin)
    }

    /// Says where the trampoline jumps to when the next run begins.
    func setEntry(_ address: UInt64) { store(address, at: GuestMap.Page.entry + UInt64(CKVM_ENTRY_TARGET)) }

    static let entryAddress = GuestMap.system + GuestMap.Page.trampoline
    static let exitAddress = entryAddress + UInt64(ckvm_exit_offset())

    /// What the processor pushed when it entered the last exception's stub.
    struct Frame {
        var errorCode: UInt64 = 0
        var rip: UInt64 = 0
        var cs: UInt64 = 0
        var rflags: UInt64 = 0
        var rsp: UInt64 = 0
        var ss: UInt64 = 0
    }

    var frame: Frame {
        let top = base + Int(GuestMap.Page.kernelStack + GuestMap.page)
        return (top - MemoryLayout<Frame>.size).loadUnaligned(as: Frame.self)
    }

    /// A page of zeros for a page table, by its physical address; nil when the area is full.
    func newTable() -> UInt64? {
        guard nextTable + GuestMap.page <= GuestMap.systemBytes else { return nil }
        defer { nextTable += GuestMap.page }
        return nextTable
    }

    var tablesLeft: Int { Int((GuestMap.systemBytes - nextTable) / GuestMap.page) }

    /// Fills an entry of a table that newTable gave. Tables that a run has used must not be changed: a page-table VM
    /// does not see it.
    func setEntry(_ index: UInt64, of table: UInt64, _ value: UInt64) { store(value, at: table + (index & 511) * 8) }
}
