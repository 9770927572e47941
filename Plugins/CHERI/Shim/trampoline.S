/* The way into a function and out of it. One file for the plugin and for the bare-metal test image.
 *
 * A function runs in Restricted: it sees the Restricted bank of DDC, SP and TPIDR under their plain names, so the host's
 * own stay as they are and cannot be named. Its data capability can load, store and load capabilities, its code capability
 * can execute, nothing more. The only capability in its memory is the sealed return pair. */
#if defined(__aarch64__)
#include "morello.h"
#include "cheri_layout.h"

#define PERM_DATA (PERM_LOAD | PERM_STORE | PERM_LOAD_CAP)
#define PERM_CODE PERM_EXECUTE
/* MutableLoad: without it the landing's PCC comes back weaker than it was stored, for good. */
#define PERM_PAIR (PERM_LOAD | PERM_LOAD_CAP | PERM_MUTABLE_LOAD)

    .macro constant register, value
    movz \register, #((\value) & 0xffff)
    movk \register, #((\value) >> 16), lsl #16
    .endm

    .macro function name
    .globl \name
    .hidden \name
    .type \name, %function
    .balign 4
\name:
    .endm

    .text

/* int64_t cheri_enter(uint64_t call, uint64_t frame): 0 when the function left by its return pair, what cheri_unwind was
 * given, or -1 when the bounds or permissions would not be exactly those asked for; then nothing ran. */
    function cheri_enter
    stp x19, x20, [x1, #CHERI_FRAME_X19]
    stp x21, x22, [x1, #CHERI_FRAME_X19 + 16]
    stp x23, x24, [x1, #CHERI_FRAME_X19 + 32]
    stp x25, x26, [x1, #CHERI_FRAME_X19 + 48]
    stp x27, x28, [x1, #CHERI_FRAME_X19 + 64]
    stp x29, x30, [x1, #CHERI_FRAME_X19 + 80]
    mov x9, sp
    mrs x10, CCTLR_EL0
    stp x9, x10, [x1, #CHERI_FRAME_SP]
    stp d8, d9, [x1, #CHERI_FRAME_D8]
    stp d10, d11, [x1, #CHERI_FRAME_D8 + 16]
    stp d12, d13, [x1, #CHERI_FRAME_D8 + 32]
    stp d14, d15, [x1, #CHERI_FRAME_D8 + 48]
    mrs x9, fpcr
    mrs x10, fpsr
    stp x9, x10, [x1, #CHERI_FRAME_FPCR]
    MRS_C(9, CID_EL0)
    STR_C(9, 1, CHERI_FRAME_CID)
    MRS_C(9, RCTPIDR_EL0)
    STR_C(9, 1, CHERI_FRAME_RCTPIDR)
    MRS_C(9, RDDC_EL0)
    STR_C(9, 1, CHERI_FRAME_RDDC)
    MRS_C(9, RCSP_EL0)
    STR_C(9, 1, CHERI_FRAME_RCSP)

    ldp x2, x3, [x0, #CHERI_CALL_BASE]  /* base, bytes of data */
    ldp x4, x5, [x0, #CHERI_CALL_CODE]  /* bytes of code, entry */
    ldp x6, x7, [x0, #CHERI_CALL_STACK] /* stack, argument */
    ldr x8, [x0, #CHERI_CALL_SLOT]
    add x8, x2, x8
    str x8, [x1, #CHERI_FRAME_SLOT]

    /* c11: the sealed capability to the return pair. */
    CVTD(9, 1)
    mov x10, #CHERI_FRAME_BYTES
    SCBNDSE(9, 9, 10)
    STR_C(9, 1, CHERI_FRAME_PAIR)
    adr x10, landing
    CVTP(10, 10)
    STR_C(10, 1, CHERI_FRAME_PAIR + 16)
    CVTD(11, 1)
    mov x10, #32
    SCBNDSE(11, 11, 10)
    constant x10, PERM_ALL & ~PERM_PAIR
    CLRPERM(11, 11, 10)
    SEAL_LPB(11, 11)

    /* c12: the function's data. */
    CVTD(12, 2)
    SCBNDSE(12, 12, 3)
    constant x10, PERM_ALL & ~PERM_DATA
    CLRPERM(12, 12, 10)

    /* c13: its code, at its entry. */
    CVTP(13, 2)
    SCBNDSE(13, 13, 4)
    SCOFF(13, 13, 5)
    constant x10, PERM_ALL & ~PERM_CODE
    CLRPERM(13, 13, 10)

    /* Bounds that cannot be represented have cost the tag. One permission too many would open everything. */
    GCTAG(9, 11)
    GCTAG(10, 12)
    and x9, x9, x10
    GCTAG(10, 13)
    and x9, x9, x10
    cbz x9, refused
    GCPERM(9, 12)
    constant x10, PERM_DATA
    cmp x9, x10
    b.ne refused
    GCPERM(9, 13)
    constant x10, PERM_CODE
    cmp x9, x10
    b.ne refused

    /* From here on a signal handler may unwind. */
    STR_C(11, 8, 0)
    mov x9, #1
    str x9, [x1, #CHERI_FRAME_INSIDE]
    MSR_C(RDDC_EL0, 12)
    MSR_C(RCSP_EL0, 6)
    MSR_C(RCTPIDR_EL0, 31)
    MSR_C(CID_EL0, 31)
    msr fpcr, xzr
    msr fpsr, xzr
    mov x9, #CCTLR_BASE_OFFSETS
    msr CCTLR_EL0, x9
    CPY(30, 13)
    mov x0, x7
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x\n, xzr
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi v\n\().2d, #0
    .endr
    msr nzcv, xzr
    BRR(30)
    .size cheri_enter, . - cheri_enter

refused:
    mov x0, #-1
    ret

/* void cheri_unwind(uint64_t frame, uint64_t result): lets cheri_enter return `result`; from a signal handler that
 * interrupted the function. Does not return. */
    function cheri_unwind
    mov x29, x0
    mov x0, x1
    b restore
    .size cheri_unwind, . - cheri_unwind

/* Where the return pair leads: x29 is the frame, everything else is the function's. */
landing:
    mov x0, xzr
restore:
    mov x1, x29
    str xzr, [x1, #CHERI_FRAME_INSIDE]
    ldp x9, x10, [x1, #CHERI_FRAME_SP]
    mov sp, x9
    msr CCTLR_EL0, x10
    ldr x9, [x1, #CHERI_FRAME_SLOT]
    stp xzr, xzr, [x9]
    LDR_C(9, 1, CHERI_FRAME_CID)
    MSR_C(CID_EL0, 9)
    LDR_C(9, 1, CHERI_FRAME_RCTPIDR)
    MSR_C(RCTPIDR_EL0, 9)
    LDR_C(9, 1, CHERI_FRAME_RDDC)
    MSR_C(RDDC_EL0, 9)
    LDR_C(9, 1, CHERI_FRAME_RCSP)
    MSR_C(RCSP_EL0, 9)
    ldp x9, x10, [x1, #CHERI_FRAME_FPCR]
    msr fpcr, x9
    msr fpsr, x10
    ldp d8, d9, [x1, #CHERI_FRAME_D8]
    ldp d10, d11, [x1, #CHERI_FRAME_D8 + 16]
    ldp d12, d13, [x1, #CHERI_FRAME_D8 + 32]
    ldp d14, d15, [x1, #CHERI_FRAME_D8 + 48]
    ldp x19, x20, [x1, #CHERI_FRAME_X19]
    ldp x21, x22, [x1, #CHERI_FRAME_X19 + 16]
    ldp x23, x24, [x1, #CHERI_FRAME_X19 + 32]
    ldp x25, x26, [x1, #CHERI_FRAME_X19 + 48]
    ldp x27, x28, [x1, #CHERI_FRAME_X19 + 64]
    ldp x29, x30, [x1, #CHERI_FRAME_X19 + 80]
    ret
end_of_leave:

/* void cheri_sync_code(uint64_t begin, uint64_t end): what was written there is what will be executed. */
    function cheri_sync_code
    mrs x2, ctr_el0
    mov x3, #4
    ubfx x4, x2, #16, #4
    lsl x4, x3, x4
    sub x5, x4, #1
    bic x5, x0, x5
1:  dc cvau, x5
    add x5, x5, x4
    cmp x5, x1
    b.lo 1b
    dsb ish
    and x4, x2, #15
    lsl x4, x3, x4
    sub x5, x4, #1
    bic x5, x0, x5
2:  ic ivau, x5
    add x5, x5, x4
    cmp x5, x1
    b.lo 2b
    dsb ish
    isb
    ret
    .size cheri_sync_code, . - cheri_sync_code
#endif

    .section .note.GNU-stack, "", %progbits
