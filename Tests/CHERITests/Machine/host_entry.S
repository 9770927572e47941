/* What host.c cannot say in C. */
#include "morello.h"
#include "machine_bits.h"

    .text
/* struct order host_serve(status, damage, rounds, answers) */
    .globl host_serve
host_serve:
    svc #0
    ret

    .globl host_capture
host_capture:
    MRS_C(9, DDC)
    STR_C(9, 0, 0)
    adr x9, host_capture
    CVTP(9, 9)
    STR_C(9, 0, 16)
    MRS_C(9, CTPIDR_EL0)
    STR_C(9, 0, 32)
    MRS_C(9, CID_EL0)
    STR_C(9, 0, 48)
    MRS_C(9, RDDC_EL0)
    STR_C(9, 0, 64)
    MRS_C(9, RCSP_EL0)
    STR_C(9, 0, 80)
    MRS_C(9, RCTPIDR_EL0)
    STR_C(9, 0, 96)
    mrs x9, CCTLR_EL0
    mrs x10, fpcr
    stp x9, x10, [x0, #112]
    mrs x9, fpsr
    mov x10, sp
    stp x9, x10, [x0, #128]
    ret

    .globl host_tag
host_tag:
    LDR_C(9, 0, 0)
    GCTAG(0, 9)
    ret

    .globl host_rrlen
host_rrlen:
    RRLEN(0, 0)
    ret

    .globl host_rrmask
host_rrmask:
    RRMASK(0, 0)
    ret

#define KNOWN 0x5a00

    .globl host_enter
host_enter:
    sub sp, sp, #192
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    str x2, [sp, #160]
    mov x9, sp
    adr x10, expected_stack_place
    ldr x10, [x10]
    str x9, [x10]
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x\n, #(KNOWN + \n)
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov x9, #(KNOWN + \n)
    fmov d\n, x9
    .endr
    /* Another rounding mode and a sticky flag; thread pointers and CID that are not null. */
    mov x9, #0x400000
    msr fpcr, x9
    mov x9, #1
    msr fpsr, x9
    mov x9, #(KNOWN + 1)
    msr tpidr_el0, x9
    mov x9, #(KNOWN + 2)
    CVTD(9, 9)
    MSR_C(CID_EL0, 9)
    mov x9, #(KNOWN + 3)
    MSR_C(RCTPIDR_EL0, 9)
    bl cheri_enter
    mov x1, xzr
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x9, #(KNOWN + \n)
    cmp x\n, x9
    b.eq 1f
    orr x1, x1, #DAMAGE_CALLEE_SAVED
1:
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov x9, #(KNOWN + \n)
    fmov x10, d\n
    cmp x10, x9
    b.eq 1f
    orr x1, x1, #DAMAGE_FLOATING
1:
    .endr
    mrs x9, fpcr
    cmp x9, #0x400, lsl #12
    b.ne 2f
    mrs x9, fpsr
    cmp x9, #1
    b.eq 1f
2:  orr x1, x1, #DAMAGE_CONTROL
1:  mrs x9, tpidr_el0
    mov x10, #(KNOWN + 1)
    cmp x9, x10
    b.ne 2f
    MRS_C(9, CID_EL0)
    mov x10, #(KNOWN + 2)
    cmp x9, x10
    b.ne 2f
    GCTAG(9, 9)
    cbz x9, 2f
    MRS_C(9, RCTPIDR_EL0)
    mov x10, #(KNOWN + 3)
    cmp x9, x10
    b.eq 1f
2:  orr x1, x1, #DAMAGE_BANK
1:  adr x9, expected_stack_place
    ldr x9, [x9]
    ldr x9, [x9]
    mov x10, sp
    cmp x10, x9
    b.eq 1f
    orr x1, x1, #DAMAGE_STACK
    mov sp, x9
1:  msr fpcr, xzr
    msr fpsr, xzr
    msr tpidr_el0, xzr
    MSR_C(CID_EL0, 31)
    MSR_C(RCTPIDR_EL0, 31)
    ldr x9, [sp, #160]
    str x1, [x9]
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #192
    ret

    .balign 8
expected_stack_place:
    .quad expected_stack

    .bss
    .balign 8
expected_stack:
    .quad 0
