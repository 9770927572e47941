import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// What a fault was, from what the child's signal handler recorded. The record may be forged: a function can only lie about
/// itself with it.
struct FaultReport {
    private var kind = DN_FAULT_OTHER
    private var address: UInt64?
    private var pc: UInt64
    private var call: Int64?
    private var trap: Int32?
    private var detail = ""

    // Exception numbers of the CPU (AMD64 Architecture Programmer's Manual volume 2, 8.1).
    private static let invalidOpcode: UInt32 = 6
    private static let generalProtection: UInt32 = 13
    private static let pageFault: UInt32 = 14
    // Bits of a page fault's error code.
    private static let isWrite: UInt32 = 2
    private static let isFetch: UInt32 = 16

    private static let int80: UInt32 = 0xcd80
    private static let sysenter: UInt32 = 0x0f34
    private static let syscall: UInt32 = 0x0f05
    /// The page of the vsyscall entries, 1024 bytes apart: gettimeofday, time, getcpu.
    private static let vsyscall: UInt64 = 0xffff_ffff_ff60_0000
    private static let vsyscalls: [Int64] = [96, 201, 309]

    init(_ fault: dp_fault, _ memory: borrowing SlotMemory) {
        pc = fault.pc
        switch Int32(bitPattern: fault.signal) {
        case SIGSYS: call(Int64(fault.call), fault)
        case SIGSEGV where fault.trap == FaultReport.pageFault: page(fault, memory)
        case SIGSEGV: protection(fault)
        case SIGBUS where fault.trap == FaultReport.pageFault: beyond(fault, memory)
        case SIGILL: illegal(fault, memory)
        case SIGFPE: kind = DN_FAULT_ARITHMETIC
        case SIGTRAP:
            kind = DN_FAULT_TRAP
            trap = Int32(bitPattern: fault.trap)
        default: detail = "signal \(fault.signal)"
        }
    }

    private mutating func call(_ number: Int64, _ fault: dp_fault) {
        kind = DN_FAULT_SYSCALL
        call = number
        // The kernel reports the address behind the instruction, which has two bytes; the vsyscall page has none.
        if fault.signal == UInt32(SIGSYS), pc & ~4095 != FaultReport.vsyscall { pc = fault.pc &- 2 }
        detail = "system call \(number)"
    }

    private mutating func page(_ fault: dp_fault, _ memory: borrowing SlotMemory) {
        address = fault.address
        if fault.error & FaultReport.isFetch != 0 {
            kind = DN_FAULT_EXECUTE
            if fault.address & ~4095 == FaultReport.vsyscall {
                call(FaultReport.vsyscalls.dropFirst(Int(fault.address & 4095) / 1024).first ?? -1, fault)
            }
        } else if fault.address >= UInt64(DP_CHILD) + UInt64(DP_CHILD_SIZE), fault.address < memory.stackLow {
            kind = DN_FAULT_STACK
            detail = "the stack of \(memory.stackBytes) bytes is full"
        } else {
            kind = fault.error & FaultReport.isWrite != 0 ? DN_FAULT_WRITE : DN_FAULT_READ
        }
    }

    private mutating func protection(_ fault: dp_fault) {
        if fault.trap == FaultReport.generalProtection, fault.bytes == FaultReport.int80 {
            return call(Int64(UInt32(truncatingIfNeeded: fault.accumulator)), fault)
        }
        kind = DN_FAULT_PROTECTION
    }

    private mutating func beyond(_ fault: dp_fault, _ memory: borrowing SlotMemory) {
        kind = DN_FAULT_MEMORY_LIMIT
        address = fault.address
        detail =
            fault.address < memory.limit
            ? "the system has no memory for it" : "the memory limit is \(memory.limit) bytes"
    }

    private mutating func illegal(_ fault: dp_fault, _ memory: borrowing SlotMemory) {
        if fault.bytes == FaultReport.sysenter || fault.bytes == FaultReport.syscall {
            return call(Int64(UInt32(truncatingIfNeeded: fault.accumulator)), fault)
        }
        kind = DN_FAULT_ILLEGAL_INSTRUCTION
        // The record may be forged: the function can only point to another instruction of its own.
        guard let bytes = try? memory.view(pc, CompilerTrap.length), let code = CompilerTrap.code(at: bytes) else {
            return
        }
        (kind, trap) = (DN_FAULT_TRAP, code)
        detail = "the function's own trap"
    }

    func write(to result: inout dn_run_result) {
        result.outcome = DN_RUN_FAULTED
        result.fault_kind = kind
        result.valid = DN_RESULT_PC
        result.fault_pc = pc
        if let address {
            result.valid |= DN_RESULT_ADDRESS
            result.fault_address = address
        }
        if let call {
            result.valid |= DN_RESULT_SYSCALL
            result.syscall_number = call
        }
        if let trap {
            result.valid |= DN_RESULT_TRAP
            result.trap_code = trap
        }
        writeText(detail, into: &result.detail)
    }
}
