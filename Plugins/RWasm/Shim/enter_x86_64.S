/* Entering generated code on another stack, and leaving it from wherever it is.
 * struct rwasm_runner begins with: saved stack pointer, inside, pending (see runner.c). */
#if defined(__x86_64__)
.text

/* int rwasm_enter(runner rdi, stack_top rsi, code rdx, instance rcx, function r8d, values r9, [count]) */
.globl rwasm_enter
.hidden rwasm_enter
.type rwasm_enter, @function
rwasm_enter:
    .cfi_startproc
    mov 8(%rsp), %rax
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rdi, %rbx
    mov %rsi, %rsp
    movl $1, 8(%rbx)
    /* A request that came before `inside` was set only left its mark. */
    cmpl $0, 12(%rbx)
    jne 1f
    mov %rdx, %r10
    mov %rcx, %rdi
    mov %r8d, %esi
    mov %r9, %rdx
    mov %rax, %rcx
    call *%r10
    xor %eax, %eax
    jmp 2f
1:  mov $1, %eax
2:  movl $0, 8(%rbx)
    mov (%rbx), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .cfi_endproc
.size rwasm_enter, .-rwasm_enter

/* Where the signal handler sends a run that ends: rdi is the runner. */
.globl rwasm_leave
.hidden rwasm_leave
.type rwasm_leave, @function
rwasm_leave:
    mov (%rdi), %rsp

    mov $1, %eax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.size rwasm_leave, .-rwasm_leave
#endif
.section .note.GNU-stack, "", @progbits
