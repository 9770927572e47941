import PluginABI
import PluginKit

/// What stopped a function.
struct Fault {
    var kind: Int32
    var pc: UInt64?
    var address: UInt64?
    var syscall: Int64?
    var trap: Int32?
    var text: String

    init(
        _ kind: Int32, _ text: String, pc: UInt64? = nil, address: UInt64? = nil, syscall: Int64? = nil,
        trap: Int32? = nil
    ) {
        (self.kind, self.text, self.pc, self.address) = (kind, text, pc, address)
        (self.syscall, self.trap) = (syscall, trap)
    }

    /// A processor exception. Numbers and error codes: Intel SDM volume 3, chapter 6.
    init(vector: Int32, errorCode: UInt64, pc: UInt64, address: UInt64, limit: UInt64) {
        switch vector {
        case 14: self = Self.page(errorCode, pc: pc, address: address, limit: limit)
        case 0: self.init(DN_FAULT_ARITHMETIC, "division error", pc: pc)
        case 16, 19: self.init(DN_FAULT_ARITHMETIC, "floating-point exception", pc: pc)
        case 6: self.init(DN_FAULT_ILLEGAL_INSTRUCTION, "illegal instruction", pc: pc)
        case 1: self.init(DN_FAULT_TRAP, "debug trap", pc: pc, trap: vector)
        case 3: self.init(DN_FAULT_TRAP, "breakpoint", pc: pc, trap: vector)
        case 4: self.init(DN_FAULT_TRAP, "overflow trap", pc: pc, trap: vector)
        case 11, 12, 13: self.init(DN_FAULT_PROTECTION, "privileged instruction or bad address", pc: pc)
        case 17: self.init(DN_FAULT_PROTECTION, "misaligned access with alignment checks on", pc: pc)
        default: self.init(DN_FAULT_OTHER, "processor exception \(vector)", pc: pc)
        }
    }

    private static func page(_ errorCode: UInt64, pc: UInt64, address: UInt64, limit: UInt64) -> Fault {
        let guardRange = (GuestMap.stackLow - GuestMap.stackGuard)..<GuestMap.stackLow
        let (kind, text) =
            if guardRange.contains(address) {
                (DN_FAULT_STACK, "stack overflow")
            } else if (limit..<GuestMap.system).contains(address) {
                (DN_FAULT_MEMORY_LIMIT, "access behind the memory limit")
            } else if errorCode & 0x10 != 0 {
                (DN_FAULT_EXECUTE, "execution of memory that holds no code")
            } else if errorCode & 2 != 0 {
                (DN_FAULT_WRITE, "write to what is not writable")
            } else {
                (DN_FAULT_READ, "read of what is no memory")
            }
        return Fault(kind, text, pc: pc, address: address)
    }

    func write(to result: inout dn_run_result) {
        result.outcome = DN_RUN_FAULTED
        result.fault_kind = kind
        writeText(text, into: &result.detail)
        if let pc { (result.fault_pc, result.valid) = (pc, result.valid | DN_RESULT_PC) }
        if let address { (result.fault_address, result.valid) = (address, result.valid | DN_RESULT_ADDRESS) }
        if let syscall { (result.syscall_number, result.valid) = (syscall, result.valid | DN_RESULT_SYSCALL) }
        if let trap { (result.trap_code, result.valid) = (trap, result.valid | DN_RESULT_TRAP) }
    }
}
