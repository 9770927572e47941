/* The parts of the zygote's program that are exact to the instruction: its start, the entry into a function, and the
 * gate, the only place from which a process that runs untrusted code can reach the kernel. The section is copied to
 * DP_TEXT of another process, so nothing in it may refer to anything outside it. */
#include "include/dp_layout.h"
#include <asm/unistd.h>

#define CHILD_DONE (DP_CHILD + 8)
#define CHILD_PARK (DP_CHILD + 12)
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

    .section zygote, "ax", @progbits

    .globl dp_zygote_start
    .hidden dp_zygote_start
dp_zygote_start:
    movabs $(DP_DATA + DP_DATA_SIZE), %rsp
    xor %ebp, %ebp
    call zygote_main
    ud2

/* dp_enter(entry, stack, argument): starts the function with clear registers. Vector and x87 registers still have
 * their values of execve(2), because no code of the zygote uses them. */
    .globl dp_enter
    .hidden dp_enter
dp_enter:
    mov %rsi, %rsp
    push %rdi
    mov %rdx, %rdi
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    ret

/* Leaves for good: tells the host and parks until it kills. Needs no stack and no register. */
    .balign 64
    .globl dp_gate
    .hidden dp_gate
dp_gate:
    movabs $CHILD_DONE, %rdi
    movl $0, (%rdi)
    mov $FUTEX_WAKE, %esi
    mov $1, %edx
    xor %r10d, %r10d
    mov $__NR_futex, %eax
    syscall
    .globl dp_gate_woken
    .hidden dp_gate_woken
dp_gate_woken:
    movabs $CHILD_PARK, %rdi
    xor %esi, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    mov $__NR_futex, %eax
    syscall
    .globl dp_gate_parked
    .hidden dp_gate_parked
dp_gate_parked:
    jmp dp_gate_woken

/* Returns from a signal handler. */
    .globl dp_gate_restore
    .hidden dp_gate_restore
dp_gate_restore:
    mov $__NR_rt_sigreturn, %eax
    syscall
    .globl dp_gate_restored
    .hidden dp_gate_restored
dp_gate_restored:
    .globl dp_gate_end
    .hidden dp_gate_end
dp_gate_end:
    ud2

/* A function may have set the alignment-check flag, which the kernel does not clear for a handler. */
    .globl dp_signal_entry
    .hidden dp_signal_entry
dp_signal_entry:
    pushfq
    andl $~0x40000, (%rsp)
    popfq
    jmp zygote_on_signal

    .section .note.GNU-stack, "", @progbits
