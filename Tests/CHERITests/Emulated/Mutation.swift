/// A deliberate defect of the trampoline.
struct Mutation: Sendable, CustomStringConvertible {
    let description: String
    /// Occurs once in trampoline.S.
    let find: String
    let replace: String

    init(_ description: String, _ find: String, _ replace: String = "") {
        (self.description, self.find, self.replace) = (description, find, replace)
    }

    /// The mutated text, nil when `find` does not occur exactly once.
    func apply(to text: String) -> String? {
        let parts = text.split(separator: find, omittingEmptySubsequences: false)
        return parts.count == 2 ? parts.joined(separator: replace) : nil
    }

    static let all: [Mutation] = [
        Mutation("DDC is unbounded", "SCBNDSE(12, 12, 3)"),
        Mutation("PCC is unbounded", "SCBNDSE(13, 13, 4)\n    SCOFF(13, 13, 5)", "add x9, x2, x5\n    CVTP(13, 9)"),
        Mutation("DDC is 16 bytes too long", "SCBNDSE(12, 12, 3)", "add x3, x3, #16\n    WORD3(0xC2C00000, 12, 12, 3)"),
        Mutation("the pair is not sealed", "SEAL_LPB(11, 11)"),
        Mutation("the pair is sealed as a register branch", "SEAL_LPB(11, 11)", "WORD2(0xC2C33000, 11, 11)"),
        Mutation("the pair is unbounded", "mov x10, #32\n    SCBNDSE(11, 11, 10)", "mov x10, #32"),
        Mutation("the pair lacks MutableLoad", "PERM_LOAD_CAP | PERM_MUTABLE_LOAD", "PERM_LOAD_CAP"),
        Mutation("DDC keeps StoreCap", "PERM_STORE | PERM_LOAD_CAP)", "PERM_STORE | PERM_LOAD_CAP | PERM_STORE_CAP)"),
        Mutation("PCC keeps Load", "#define PERM_CODE PERM_EXECUTE", "#define PERM_CODE (PERM_EXECUTE | PERM_LOAD)"),
        Mutation(
            "PCC keeps System", "#define PERM_CODE PERM_EXECUTE", "#define PERM_CODE (PERM_EXECUTE | PERM_SYSTEM)"),
        Mutation("PCC keeps Executive", "PERM_ALL & ~PERM_CODE\n", "PERM_ALL & ~(PERM_CODE | PERM_EXECUTIVE)\n"),
        Mutation(
            "PCC keeps Executive and is not tested", "#define PERM_CODE PERM_EXECUTE",
            "#define PERM_CODE (PERM_EXECUTE | PERM_EXECUTIVE)"),
        Mutation("x1 keeps the frame's address", ".irp n, 1, 2, 3,", ".irp n, 2, 3,"),
        Mutation(
            "x5 keeps the entry",
            ", 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n    mov",
            ", 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n    mov"),
        Mutation("CCTLR is not set", "mov x9, #CCTLR_BASE_OFFSETS\n    msr CCTLR_EL0, x9"),
        Mutation("the slot is not cleared", "stp xzr, xzr, [x9]"),
        Mutation("x19 is lost", "ldp x19, x20, [x1, #CHERI_FRAME_X19]", "ldr x20, [x1, #CHERI_FRAME_X19 + 8]"),
        Mutation("d8 is lost", "ldp d8, d9, [x1, #CHERI_FRAME_D8]", "ldr d9, [x1, #CHERI_FRAME_D8 + 8]"),
        Mutation("BR instead of BRR", "BRR(30)", ".inst (0xC2C21000 | (30 << 5))"),
        Mutation("tags are not tested", "cbz x9, refused"),
        Mutation(
            "v15 is not cleared", "13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n",
            "13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"),
        Mutation("FPCR is not restored", "msr fpcr, x9\n    msr fpsr, x10", "msr fpsr, x10"),
        Mutation("CID is not restored", "LDR_C(9, 1, CHERI_FRAME_CID)\n    MSR_C(CID_EL0, 9)"),
        Mutation("the thread stays inside", "str xzr, [x1, #CHERI_FRAME_INSIDE]"),
        Mutation("CCTLR is not restored", "msr CCTLR_EL0, x10"),
    ]
}
