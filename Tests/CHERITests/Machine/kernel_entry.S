/* Boot, exception vectors and the way back to EL0. */
#include "morello.h"

#define DAIF_OFF 0x3c0

    .section .boot, "ax"
    .globl _start
_start:
    msr daifset, #15
    /* CEN and FPEN: capabilities and floating point at EL0 and EL1. */
    mov x0, #(0xf << 18)
    msr cpacr_el1, x0
    isb
    msr S3_0_C1_C2_2, xzr /* CCTLR_EL1 */
    msr spsel, #1
    ldr x0, =kernel_stack_top
    mov sp, x0
    ldr x0, =vectors
    CVTP(0, 0)
    MSR_C(CVBAR_EL1, 0)
    bl pages_init
    bl kernel_init
    /* Into the host program at EL0 with the root capabilities. */
    mov x0, xzr
    CVTD(0, 0)
    MSR_C(DDC_EL0_AT_EL1, 0)
    ldr x0, =host_stack_top
    msr sp_el0, x0
    ldr x0, =host_main
    CVTP(0, 0)
    MSR_C(CELR_EL1, 0)
    msr spsr_el1, xzr
    eret

    .text
    .macro vector name
    .balign 128
    b \name
    .endm

    .balign 2048
vectors:
    .rept 8
    vector broken
    .endr
    vector on_sync
    vector on_irq
    vector broken
    vector broken
    .rept 4
    vector broken
    .endr

broken:
    mrs x0, esr_el1
    mrs x1, elr_el1
    mrs x2, far_el1
    ldr x3, =kernel_stack_top
    mov sp, x3
    b kernel_broken

    .macro save
    sub sp, sp, #512
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    STR_C(\n, 31, \n * 16)
    .endr
    mov x0, sp
    .endm

on_sync:
    save
    bl kernel_sync
    b back
on_irq:
    save
    bl kernel_irq
back:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    LDR_C(\n, 31, \n * 16)
    .endr
    add sp, sp, #512
    eret

/* void kernel_return_to(uint64_t pc, uint64_t sp): EL0 goes on there in Executive, as a signal handler does; its DDC stays. */
    .globl kernel_return_to
kernel_return_to:
    CVTP(0, 0)
    MSR_C(CELR_EL1, 0)
    msr sp_el0, x1
    msr spsr_el1, xzr
    ret

/* uint64_t semihost(uint64_t operation, const void *arguments) */
    .globl semihost
semihost:
    hlt #0xf000
    ret
