import CKVM
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// A VM with one vCPU, in which one engine runs its functions one after another.
///
/// Made on any thread, then used by one. It is never repaired: after an exit that no function should be able to cause,
/// and when its page tables are full, another takes its place over the same slots of memory.
final class VirtualMachine: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: handed from the thread that makes it to the engine's through a mutex.
    /// Never 0.
    let id = VirtualMachine.nextID.add(1, ordering: .relaxed).oldValue
    let vcpu: Int32
    let run: UnsafeMutablePointer<kvm_run>
    let area: SystemArea
    private let vm: Int32
    private let runBytes: Int
    private var tables: PageTables
    private var roots: [RootName: UInt64] = [:]
    private var registered: [Int]
    /// Segment and control registers of a function that begins; cr3 and the bases are filled in for each run.
    private(set) var initial = kvm_sregs()
    /// The last run did not end at the exit address: events may be left over.
    var isTainted = true

    private static let nextID = Atomic<UInt64>(1)

    private struct RootName: Hashable {
        let protections: [PageRange]
        let limit: UInt64
        let slot: Int
    }

    /// Over the memory of these slots, as much of each as its step of GuestMap.registeredSteps says.
    init(platform: Platform, slots: [(memory: UnsafeMutableRawPointer, step: Int)]) throws(PluginError) {
        area = try SystemArea()
        guard let tables = PageTables(area: area, slots: slots.count) else {
            throw PluginError(DN_LIMIT, "\(slots.count) context slots do not fit a VM's system area")
        }
        self.tables = tables
        vm = try platform.makeVM()
        let made: (vcpu: Int32, run: UnsafeMutablePointer<kvm_run>)
        do throws(PluginError) {
            try Self.register(vm, id: 0, physical: 0, bytes: GuestMap.systemBytes, memory: area.base)
            made = try platform.makeVCPU(vm)
        } catch {
            close(vm)
            throw error
        }
        (vcpu, run) = made
        runBytes = platform.runBytes
        registered = Array(repeating: -1, count: slots.count)
        for (index, slot) in slots.enumerated() { try register(slot: index, memory: slot.memory, upTo: slot.step) }
        run.pointee.kvm_valid_regs = UInt64(ckvm_sync_all)
        initial = try Self.initialRegisters(platform, vcpu)
    }

    deinit {
        munmap(run, runBytes)
        close(vcpu)
        close(vm)
    }

    private static func register(
        _ vm: Int32, id: UInt32, physical: UInt64, bytes: UInt64, memory: UnsafeMutableRawPointer
    ) throws(PluginError) {
        var region = kvm_userspace_memory_region(
            slot: id, flags: 0, guest_phys_addr: physical, memory_size: bytes,
            userspace_addr: UInt64(UInt(bitPattern: memory)))
        guard ioctl(vm, ckvm_set_user_memory_region, &region) == 0 else {
            throw PluginError(DN_NO_MEMORY, "KVM takes no \(bytes) bytes of memory for a VM", errno: errno)
        }
    }

    /// Makes KVM know a slot's memory up to a step; grows only. Up to some ms, but once for each step.
    func register(slot: Int, memory: UnsafeMutableRawPointer, upTo step: Int) throws(PluginError) {
        while registered[slot] < step {
            let next = registered[slot] + 1
            // The stack lies before the context, and the first step brings it.
            let begin = next == 0 ? 0 : GuestMap.stackBytes + GuestMap.registeredSteps[next - 1]
            let end = GuestMap.stackBytes + GuestMap.registeredSteps[next]
            try Self.register(
                vm, id: UInt32(1 + slot * GuestMap.registeredSteps.count + next),
                physical: GuestMap.slotPhysical(slot) + begin, bytes: end - begin, memory: memory + Int(begin))
            registered[slot] = next
        }
    }

    /// The page-table root for a context; nil when there is no room for another one.
    func root(limit: UInt64, slot: Int, protections: [PageRange]) -> UInt64? {
        let name = RootName(protections: protections, limit: limit, slot: slot)
        if let root = roots[name] { return root }
        guard let root = tables.root(slot: slot, limit: limit, protections: protections) else { return nil }
        roots[name] = root
        return root
    }

    /// So little room for page tables is left that a successor should be made.
    var isNearlyFull: Bool { area.tablesLeft < 256 }

    private static func initialRegisters(_ platform: Platform, _ vcpu: Int32) throws(PluginError) -> kvm_sregs {
        var registers = kvm_sregs()
        guard ioctl(vcpu, ckvm_get_sregs, &registers) == 0 else {
            throw PluginError(DN_UNAVAILABLE, "KVM_GET_SREGS failed", errno: errno)
        }
        func segment(_ selector: UInt16, type: UInt8) -> kvm_segment {
            var segment = kvm_segment()
            segment.limit = 0xffff_ffff
            segment.selector = selector
            segment.type = type
            segment.present = 1
            segment.dpl = 3
            segment.s = 1
            segment.g = 1
            return segment
        }
        let data = segment(0x1b, type: 3)
        (registers.ss, registers.ds, registers.es, registers.fs, registers.gs) = (data, data, data, data, data)
        registers.ss.db = 1
        registers.cs = segment(0x23, type: 11)
        registers.cs.l = 1
        registers.tr = kvm_segment()
        registers.tr.base = GuestMap.system + GuestMap.Page.task
        registers.tr.limit = UInt32(SystemArea.taskLimit)
        registers.tr.selector = 0x28
        // 11, a busy task, is what processors want here; QEMU's TCG refuses the port bitmap of a busy one.
        registers.tr.type = platform.isTCG ? 9 : 11
        registers.tr.present = 1
        registers.ldt = kvm_segment()
        registers.ldt.unusable = 1
        registers.gdt.base = GuestMap.system + GuestMap.Page.descriptors
        registers.gdt.limit = SystemArea.descriptorLimit
        registers.idt.base = GuestMap.system + GuestMap.Page.interrupts
        registers.idt.limit = SystemArea.interruptLimit
        registers.cr0 = 0x8005_0033  // PG AM WP NE ET MP PE
        registers.cr2 = 0
        // OSXMMEXCPT OSFXSR PAE, FSGSBASE, OSXSAVE
        registers.cr4 = 0x620 | (platform.hasFSGSBase ? 0x1_0000 : 0) | (platform.xcr0 != 0 ? 0x4_0000 : 0)
        registers.cr8 = 0
        registers.efer = 0xd00  // NXE LMA LME: no SCE, so `syscall` faults
        registers.interrupt_bitmap = (0, 0, 0, 0)
        return registers
    }
}
