/// Where things are for a guest: its own addresses, and the "physical" ones that its page tables lead to.
///
/// Guest addresses [0, limit) are the function's: image, inputs, heap. What the function may not choose lies above
/// 512 GiB, in the second entry of the top page table.
enum GuestMap {
    static let page: UInt64 = 4096
    static let largePage: UInt64 = 2 << 20
    static let gibibyte: UInt64 = 1 << 30

    /// The end of the page that holds the byte before `address`, which is far from the top.
    static func pageUp(_ address: UInt64) -> UInt64 { (address + page - 1) & ~(page - 1) }

    /// Below it nothing is mapped, so that null pointers fault.
    static let lowest: UInt64 = 0x1_0000
    /// The largest limit of a context.
    static let contextMax: UInt64 = 4 << 30
    static let stackBytes: UInt64 = 8 << 20

    static let system: UInt64 = 512 << 30
    /// Nothing is mapped in the gibibyte below it but the system pages at its far end.
    static let stackLow = system + gibibyte
    static let stackHigh = stackLow + stackBytes
    /// Accesses so far below the stack count as running out of it.
    static let stackGuard: UInt64 = 64 << 20

    /// Pages of the system area; offsets from `system`, and physical addresses at the same time.
    enum Page {
        static let descriptors: UInt64 = 0x0000
        static let interrupts: UInt64 = 0x1000
        /// The task state segment with its port bitmap: three pages.
        static let task: UInt64 = 0x2000
        static let stubs: UInt64 = 0x5000
        static let kernelStack: UInt64 = 0x6000
        static let trampoline: UInt64 = 0x7000
        /// Read by the trampoline. Processors touch the last byte of an XSAVE image as long as all components that they
        /// have make it, even of one without any: 11,008 bytes with AMX.
        static let entry: UInt64 = 0x8000
        static let entryEnd: UInt64 = 0x1_0000
        /// Page tables, which no guest address leads to.
        static let tables: UInt64 = entryEnd
    }
    /// Bytes of physical memory for the system area: most of it page tables, which are never changed once in use.
    static let systemBytes: UInt64 = 16 << 20

    static let kernelStackTop = system + Page.kernelStack + page
    /// Where `syscall` leads on a page-table VM: a supervisor page, so that it faults.
    static let syscallTarget = system + Page.stubs + 0xff0

    /// Physical memory of a context slot: its stack, then the context.
    static func slotPhysical(_ index: Int) -> UInt64 { UInt64(index + 1) * (5 * gibibyte) }

    /// How much of a slot is registered with KVM, in steps: KVM keeps some 10 bytes for each page that it knows of.
    static let registeredSteps: [UInt64] = [64 << 20, 512 << 20, contextMax]
}
