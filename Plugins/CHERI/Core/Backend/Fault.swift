import CCHERI
import Glibc
import PluginABI
import PluginKit

/// What stopped a function, from the signal that it caused.
struct Fault {
    private var kind = DN_FAULT_OTHER
    private var text = ""
    private var pc: UInt64
    private var address: UInt64?
    private var call: Int64?
    private var trap: Int32?

    // si_code of SIGSEGV on Morello Linux (Documentation/arm64/morello.rst).
    private static let capabilityCodes: [Int32: String] = [
        10: "invalid capability (its tag is clear)",
        11: "sealed capability",
        12: "outside of the capability's bounds",
        13: "not permitted by the capability",
        14: "capabilities cannot be stored there",
    ]
    /// si_code of SIGSYS by a filter.
    private static let filtered: Int32 = 1

    /// Addresses count from the function's address 0.
    init(_ fault: cheri_fault, _ layout: ContextLayout) {
        pc = fault.pc
        switch fault.signal {
        case SIGSEGV: memory(fault, layout)
        case SIGBUS:
            (kind, text, address) = (DN_FAULT_PROTECTION, "misaligned or impossible access", fault.address)
        case SIGILL: (kind, text) = (DN_FAULT_ILLEGAL_INSTRUCTION, "illegal or privileged instruction")
        case SIGFPE: (kind, text) = (DN_FAULT_ARITHMETIC, "floating-point exception")
        case SIGTRAP: (kind, text, trap) = (DN_FAULT_TRAP, "breakpoint", fault.code)
        case SIGSYS where fault.code == Self.filtered:
            (kind, text, call) = (DN_FAULT_SYSCALL, "system call \(fault.call)", fault.call)
            // The kernel reports the address behind the instruction.
            pc = fault.pc &- 4
        default: text = "signal \(fault.signal)"
        }
    }

    private mutating func memory(_ fault: cheri_fault, _ layout: ContextLayout) {
        address = fault.address
        let access = Access(syndrome: fault.syndrome)
        if let reason = Self.capabilityCodes[fault.code] {
            (kind, trap) = (DN_FAULT_CAPABILITY, fault.code)
            text = "\(access.word): \(reason)"
        } else if (layout.stackLow - ContextLayout.stackGuard..<layout.stackLow).contains(fault.address) {
            (kind, text) = (DN_FAULT_STACK, "the stack of \(layout.size - layout.stackLow) bytes is full")
        } else if (layout.limit..<layout.stackLow).contains(fault.address) {
            (kind, text) = (DN_FAULT_MEMORY_LIMIT, "the memory limit is \(layout.limit) bytes")
        } else {
            (kind, text) = (access.kind, "\(access.word) of what does not allow it")
        }
    }

    /// What a memory fault wanted, by the syndrome register (Arm DDI 0487, ESR_ELx).
    private enum Access {
        case read, write, execute

        init(syndrome: UInt64) {
            let exceptionClass = syndrome >> 26 & 0x3f
            self = exceptionClass & ~1 == 0x20 ? .execute : syndrome & 0x40 != 0 ? .write : .read
        }

        var kind: Int32 {
            switch self {
            case .read: DN_FAULT_READ
            case .write: DN_FAULT_WRITE
            case .execute: DN_FAULT_EXECUTE
            }
        }

        var word: String {
            switch self {
            case .read: "load"
            case .write: "store"
            case .execute: "execution"
            }
        }
    }

    func write(to result: inout dn_run_result) {
        result.outcome = DN_RUN_FAULTED
        result.fault_kind = kind
        writeText(text, into: &result.detail)
        (result.fault_pc, result.valid) = (pc, DN_RESULT_PC)
        if let address { (result.fault_address, result.valid) = (address, result.valid | DN_RESULT_ADDRESS) }
        if let call { (result.syscall_number, result.valid) = (call, result.valid | DN_RESULT_SYSCALL) }
        if let trap { (result.trap_code, result.valid) = (trap, result.valid | DN_RESULT_TRAP) }
    }
}
