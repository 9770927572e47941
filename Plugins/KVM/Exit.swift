import CKVM
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// How a VM begins and leaves a run.
extension VirtualMachine {
    enum Exit {
        /// The function is done.
        case left
        /// Goes on with the next KVM_RUN.
        case resumed
        case faulted(Fault)
        /// Stopped at a place where an instruction may be half done.
        case violation(Fault)
        /// Nothing is known of the vCPU's state.
        case broken(Fault)
    }

    /// Sets every register that a function can see; floating-point state is reset by the trampoline.
    func enter(entry: UInt64, argument: UInt64, root: UInt64) {
        area.setEntry(entry)
        var registers = kvm_regs()
        registers.rip = SystemArea.entryAddress
        registers.rdi = argument
        // Where the original system puts it; `_start` begins with a call, so it is 16-byte aligned.
        registers.rsp = GuestMap.stackHigh - 32
        registers.rflags = 2
        ckvm_regs(run).pointee = registers
        setSystemRegisters(root: root, fsBase: 0, gsBase: 0)
        var dirty = UInt64(ckvm_sync_state)
        if isTainted {
            var events = kvm_vcpu_events()
            events.flags = UInt32(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW)
            ckvm_events(run).pointee = events
            dirty = UInt64(ckvm_sync_all)
            isTainted = false
        }
        run.pointee.kvm_dirty_regs = dirty
    }

    private func setSystemRegisters(root: UInt64, fsBase: UInt64, gsBase: UInt64) {
        let registers = ckvm_sregs(run)
        registers.pointee = initial
        registers.pointee.cr3 = root
        registers.pointee.fs.base = fsBase
        registers.pointee.gs.base = gsBase
    }

    /// Finishes a pending instruction without running the guest. Returns 0 or errno.
    func settle() -> Int32 {
        isTainted = true
        return ckvm_finish_pending(vcpu, run)
    }

    func lastExit(in slot: Slot) -> Exit {
        let port = ckvm_out_port(run)
        let rip = ckvm_regs(run).pointee.rip
        // VT-x and SVM leave the instruction pointer at the `out`, a page-table VM behind it.
        if port == CKVM_EXIT_PORT, rip &- SystemArea.exitAddress <= 2 { return .left }
        isTainted = true
        let vector = port - CKVM_STUB_PORT
        if vector >= 0, vector < CKVM_VECTORS, rip &- SystemArea.stub(vector) <= 2 {
            return exception(vector, in: slot)
        }
        switch Int32(run.pointee.exit_reason) {
        case KVM_EXIT_IO:
            return .violation(
                Fault(
                    DN_FAULT_PROTECTION, "access to port 0x\(hex(ckvm_exit_detail(run)))",
                    pc: portInstruction(rip, in: slot)))
        case KVM_EXIT_MMIO:
            return .violation(
                Fault(DN_FAULT_PROTECTION, "access to no memory", pc: rip, address: ckvm_exit_detail(run)))
        case KVM_EXIT_HLT:
            return .violation(Fault(DN_FAULT_PROTECTION, "the processor was halted", pc: rip))
        case let reason:
            return .broken(
                Fault(
                    DN_FAULT_OTHER,
                    "the virtual machine stopped: KVM exit \(reason), 0x\(hex(ckvm_exit_detail(run)))"))
        }
    }

    private func exception(_ vector: Int32, in slot: Slot) -> Exit {
        let frame = area.frame
        let address = ckvm_sregs(run).pointee.cr2
        let registers = ckvm_regs(run).pointee
        if vector == 32 { return .left }
        // A page-table VM ignores that `syscall` is off and jumps to its target, which is not executable.
        let caller = registers.rcx &- 2
        if vector == 14, frame.rip == GuestMap.syscallTarget, instruction(at: caller, in: slot) == (0x0f, 0x05) {
            return systemCall(from: caller, flags: registers.r11, stack: frame.rsp, slot)
        }
        let fault = Fault(
            vector: vector, errorCode: frame.errorCode, pc: frame.rip, address: address, limit: slot.limit)
        guard vector == 6 || vector == 13 else { return .faulted(fault) }
        switch instruction(at: frame.rip, in: slot) {
        case (0x0f, 0x05): return systemCall(from: frame.rip, flags: frame.rflags, stack: frame.rsp, slot)
        case (0x0f, 0x34), (0xcd, 0x80):
            return .faulted(systemCallFault(Int64(bitPattern: registers.rax), pc: frame.rip))
        case (0xcd, 32): return .left
        case (0xcd, let number):
            return .faulted(Fault(DN_FAULT_PROTECTION, "software interrupt \(number)", pc: frame.rip))
        default: return .faulted(ownTrap(at: frame.rip, in: slot) ?? fault)
        }
    }

    /// What the function's compiler put where it must not go on.
    private func ownTrap(at pc: UInt64, in slot: Slot) -> Fault? {
        guard let bytes = slot.view(pc, CompilerTrap.length), let code = CompilerTrap.code(at: bytes) else {
            return nil
        }
        return Fault(DN_FAULT_TRAP, "the function's own trap", pc: pc, trap: code)
    }

    /// The two bytes of an instruction in the context; zeros when it lies elsewhere.
    private func instruction(at address: UInt64, in slot: Slot) -> (UInt8, UInt8) {
        guard let bytes = slot.view(address, 2) else { return (0, 0) }
        return (bytes.load(as: UInt8.self), bytes.load(fromByteOffset: 1, as: UInt8.self))
    }

    /// Where the port instruction of the last exit is: at rip, or before it when a page-table VM has done an `out`.
    private func portInstruction(_ rip: UInt64, in slot: Slot) -> UInt64 {
        func isPort(_ code: UInt8) -> Bool { [0x6c, 0x6e, 0xe4, 0xe6, 0xec, 0xee].contains(code & 0xfe) }
        func isPrefix(_ code: UInt8) -> Bool { [0x66, 0xf2, 0xf3].contains(code) || code & 0xf0 == 0x40 }
        let (first, second) = instruction(at: rip, in: slot)
        if isPort(first) || isPrefix(first) && isPort(second) { return rip }
        return rip &- ([0xe4, 0xe6].contains(instruction(at: rip &- 2, in: slot).0 & 0xfe) ? 2 : 1)
    }

    private func systemCallFault(_ number: Int64, pc: UInt64) -> Fault {
        Fault(DN_FAULT_SYSCALL, "system call \(number)", pc: pc, syscall: number)
    }

    /// `syscall`, which functions must not make; images of the original's process backend leave by exit_group and set
    /// their thread pointer by arch_prctl(ARCH_SET_FS).
    private func systemCall(from pc: UInt64, flags: UInt64, stack: UInt64, _ slot: Slot) -> Exit {
        var registers = ckvm_regs(run).pointee
        switch (registers.rax, registers.rdi) {
        case (231, _): return .left
        case (158, 0x1002):
            let base = registers.rsi
            let isCanonical = base < 1 << 47
            registers.rax = isCanonical ? 0 : UInt64(bitPattern: Int64(-EPERM))
            registers.rip = pc &+ 2
            registers.rcx = registers.rip
            registers.rsp = stack
            registers.rflags = flags & 0xcd5 | 2
            ckvm_regs(run).pointee = registers
            let before = ckvm_sregs(run).pointee
            setSystemRegisters(
                root: slot.root, fsBase: isCanonical ? base : before.fs.base, gsBase: before.gs.base)
            run.pointee.kvm_dirty_regs = UInt64(ckvm_sync_state)
            return .resumed
        default: return .faulted(systemCallFault(Int64(bitPattern: registers.rax), pc: pc))
        }
    }
}
