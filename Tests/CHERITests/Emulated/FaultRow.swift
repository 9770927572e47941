import CCHERI
import PluginABI
import PluginHarness

@testable import CHERICore

/// One way out that a function tries (Guests/escape.c), and what must come of it.
struct FaultRow: Sendable, CustomStringConvertible {
    let name: String
    let way: UInt64
    var address: UInt64 = 0
    var kind = DN_FAULT_CAPABILITY
    /// si_code of SIGSEGV.
    var code: Int32?
    /// ESR_EL1 but for the bits of `mask` that are clear.
    var syndrome: UInt64
    var mask: UInt64 = .max
    var reportsAddress = false
    var call: Int64?
    var outcome = DN_RUN_FAULTED
    var deadline: UInt64 = 20_000_000_000
    /// Without the rights of pages, which the emulator looks at first when it fetches instructions.
    var opensPages = false

    var description: String { name }

    private static let size = Battery.layout.size
    private static let exceptionClass: UInt64 = 0xfc00_0000

    static let all: [FaultRow] =
        beyond + outside + pair + forbidden + [
            FaultRow(name: "its own DDC is null when it leaves", way: 27, syndrome: 0, outcome: DN_RUN_EXITED),
            FaultRow(
                name: "a loop with wild SP and TPIDR", way: 32, syndrome: 0, outcome: DN_RUN_DEADLINE,
                deadline: 30_000_000),
        ]

    private static func bounds(_ name: String, _ way: UInt64, _ address: UInt64, store: Bool = false) -> FaultRow {
        FaultRow(
            name: name, way: way, address: address, code: 12, syndrome: store ? 0x9200_006a : 0x9200_002a,
            reportsAddress: true)
    }

    private static let beyond = [
        bounds("loads one past its end", 0, size),
        bounds("loads across its end", 0, size - 4),
        bounds("loads at a negative address", 0, UInt64(bitPattern: -8)),
        bounds("loads at an address of the host", 0, 0x4080_0000),
        bounds("loads exclusively past its end", 4, size),
        bounds("stores past its end", 1, size, store: true),
        bounds("stores at a negative address", 1, UInt64(bitPattern: -8), store: true),
        bounds("stores a vector across its end", 2, size - 8, store: true),
        bounds("zeroes a line past its end", 3, size, store: true),
        bounds("loads past its end with wild SP, TPIDR, FPCR", 31, size),
    ]

    private static func jump(_ name: String, _ way: UInt64, _ address: UInt64, far: Bool = false) -> FaultRow {
        FaultRow(
            name: "\(name), by capabilities alone", way: way, address: address, code: far ? 10 : 12,
            syndrome: far ? 0x8200_0028 : 0x8200_002a, reportsAddress: way != 7, opensPages: true)
    }

    private static let outside = [
        jump("jumps behind its code", 5, 0x1_4000), jump("jumps into its stack", 5, size - 64, far: true),
        jump("runs off the end of its code", 7, 0),
        // The host's own code, in pages that EL0 may execute.
        jump("jumps into the host", 5, 0x4060_0000 &- EmulatedMachine.contextBase, far: true),
        jump("returns into the host", 6, 0x4060_0000 &- EmulatedMachine.contextBase, far: true),
        FaultRow(
            name: "jumps behind its code", way: 5, address: 0x1_4000, kind: DN_FAULT_EXECUTE, syndrome: 0x8200_000f,
            reportsAddress: true),
        FaultRow(name: "runs off the end of its code", way: 7, kind: DN_FAULT_EXECUTE, syndrome: 0x8200_000f),
        FaultRow(
            name: "jumps to where nothing is", way: 6, address: 0x7fff_0000_0000, kind: DN_FAULT_EXECUTE,
            syndrome: 0x8200_0004, reportsAddress: true),
        FaultRow(name: "loads through its code capability", way: 21, code: 13, syndrome: 0x9200_002b),
    ]

    private static func tag(_ name: String, _ way: UInt64) -> FaultRow {
        FaultRow(name: "return pair: \(name)", way: way, code: 10, syndrome: 0x9200_0028)
    }

    private static let pair =
        [
            FaultRow(name: "return pair: dereferenced", way: 8, code: 11, syndrome: 0x9200_0029),
            FaultRow(name: "return pair: another link register", way: 9, code: 11, syndrome: 0x9200_0029),
            FaultRow(name: "return pair: branched to", way: 19, code: 10, syndrome: 0x8200_0028),
            FaultRow(name: "return pair: stored as a capability", way: 20, code: 13, syndrome: 0x9200_006b),
        ] + [
            tag("moved by ADD", 10), tag("moved by SCVALUE", 11), tag("narrowed", 12),
            tag("with fewer permissions", 13),
            tag("unsealed by itself", 14), tag("unsealed by DDC", 15), tag("rebuilt from DDC", 16),
            tag("copied as bits", 17), tag("partly overwritten", 18),
        ]

    private static func illegal(_ name: String, _ way: UInt64, _ syndrome: UInt64) -> FaultRow {
        FaultRow(
            name: name, way: way, kind: DN_FAULT_ILLEGAL_INSTRUCTION, syndrome: syndrome, mask: exceptionClass)
    }

    private static let forbidden = [
        illegal("writes CCTLR", 22, 0x6000_0000),
        illegal("reads the counter", 23, 0x6000_0000),
        illegal("names RDDC", 24, 0x0200_0000 & exceptionClass),
        illegal("names RCSP", 25, 0x0200_0000 & exceptionClass),
        illegal("branches to Restricted", 26, 0x0200_0000 & exceptionClass),
        illegal("udf", 29, 0),
        FaultRow(
            name: "system call 172", way: 28, address: 172, kind: DN_FAULT_SYSCALL, syndrome: 0x5600_0000, call: 172),
        FaultRow(name: "brk", way: 30, kind: DN_FAULT_TRAP, syndrome: 0xf200_0007),
    ]

    /// What is wrong, nil when nothing is.
    func problem(_ result: Outcome, _ response: EmulatedMachine.Response) -> String? {
        let story = "\(result), \(response)"
        guard result.outcome == outcome else { return "wanted outcome \(outcome): \(story)" }
        guard outcome == DN_RUN_FAULTED else { return nil }
        guard result.faultKind == kind, response.syndrome & mask == syndrome else { return "wrong fault: \(story)" }
        if let code, response.fault.code != code || result.trapCode != code { return "wrong si_code: \(story)" }
        if reportsAddress, result.address != address { return "wrong address: \(story)" }
        return result.syscall == call && result.pc != nil ? nil : "wrong call or no pc: \(story)"
    }
}
