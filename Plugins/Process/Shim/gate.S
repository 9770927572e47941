/* The parts of the zygote's program that are exact to the instruction: its start, the entry into a function, and the
 * gate, the only place from which a process that runs untrusted code can reach the kernel. The section is copied to
 * DP_TEXT of another process, so nothing in it may refer to anything outside it. */
#include "include/dp_layout.h"
#include <asm/unistd.h>

#define CHILD_DONE (DP_CHILD + 8)
#define FUTEX_WAKE 1

/* Of the kernel's struct ucontext (x86-64): what it saved of the interrupted code. */
#define UC_FLAGS 0
#define UC_FP_XSTATE 1
#define UC_R8 40
#define UC_RDI 104
#define UC_RSI 112
#define UC_RBP 120
#define UC_RBX 128
#define UC_RDX 136
#define UC_RAX 144
#define UC_RCX 152
#define UC_RSP 160
#define UC_RIP 168
#define UC_EFLAGS 176
#define UC_FPSTATE 224
/* Of what that points to: which parts of the state are there (struct _fpx_sw_bytes.xfeatures). */
#define XSTATE_FEATURES 472

    .section zygote, "ax", @progbits

    .globl dp_zygote_start
    .hidden dp_zygote_start
dp_zygote_start:
    movabs $(DP_DATA + DP_DATA_SIZE), %rsp
    xor %ebp, %ebp
    call zygote_main
    ud2

/* What a child does first: it leaves the zygote's stack for the one that signals have, which the host can clear. */
    .globl dp_child_start
    .hidden dp_child_start
dp_child_start:
    movabs $(DP_CHILD + DP_CHILD_SIZE), %rsp
    xor %ebp, %ebp
    call zygote_child
    ud2

/* dp_enter(entry, stack, argument): starts the function with clear registers. Vector and x87 registers still have
 * their values of execve(2), because no code of the zygote uses them, or those that the tracer gave them. Of the flags a
 * tracer cannot set all: the one by which programs once found out whether there is cpuid. */
    .globl dp_enter
    .hidden dp_enter
dp_enter:
    mov %rsi, %rsp
    push $0
    popfq
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

/* Leaves for good: tells the host and sleeps until it kills. Needs no stack, no register and no memory but the word.
 * Behind the wake the kernel writes nothing that a function can choose: there is no call that returns from a signal, so
 * the signal stack stays the platform's, and the list that it walks at a death lies in pages that are not writable. */
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
    mov $__NR_pause, %eax
    syscall
    .globl dp_gate_parked
    .hidden dp_gate_parked
dp_gate_parked:
    jmp dp_gate_woken
    .globl dp_gate_end
    .hidden dp_gate_end
dp_gate_end:
    ud2

/* Returns from a signal handler without the kernel's rt_sigreturn(2), with which a function could move its signal stack
 * and its signal mask; rsp is at the struct ucontext. The frame for iretq takes the place of the fields before the
 * registers. */
    .globl dp_restore
    .hidden dp_restore
dp_restore:
    mov UC_FPSTATE(%rsp), %rbx
    test %rbx, %rbx
    jz 2f
    mov XSTATE_FEATURES(%rbx), %eax
    mov XSTATE_FEATURES + 4(%rbx), %edx
    testb $UC_FP_XSTATE, UC_FLAGS(%rsp)
    jz 1f
    xrstor64 (%rbx)
    jmp 2f
1:  fxrstor64 (%rbx)
2:  mov UC_RIP(%rsp), %rax
    mov %rax, (%rsp)
    mov %cs, %eax
    mov %rax, 8(%rsp)
    mov UC_EFLAGS(%rsp), %rax
    mov %rax, 16(%rsp)
    mov UC_RSP(%rsp), %rax
    mov %rax, 24(%rsp)
    mov %ss, %eax
    mov %rax, 32(%rsp)
    mov UC_R8(%rsp), %r8
    mov UC_R8 + 8(%rsp), %r9
    mov UC_R8 + 16(%rsp), %r10
    mov UC_R8 + 24(%rsp), %r11
    mov UC_R8 + 32(%rsp), %r12
    mov UC_R8 + 40(%rsp), %r13
    mov UC_R8 + 48(%rsp), %r14
    mov UC_R8 + 56(%rsp), %r15
    mov UC_RDI(%rsp), %rdi
    mov UC_RSI(%rsp), %rsi
    mov UC_RBP(%rsp), %rbp
    mov UC_RBX(%rsp), %rbx
    mov UC_RDX(%rsp), %rdx
    mov UC_RCX(%rsp), %rcx
    mov UC_RAX(%rsp), %rax
    iretq

/* A function may have set the alignment-check or the nested-task flag, which the kernel does not clear for a handler. */
    .globl dp_signal_entry
    .hidden dp_signal_entry
dp_signal_entry:
    pushfq
    andl $~0x44000, (%rsp)
    popfq
    jmp zygote_on_signal

    .section .note.GNU-stack, "", @progbits
