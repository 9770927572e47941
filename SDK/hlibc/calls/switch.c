/* The processor's side of threads: what a call keeps is kept on the stack. */
#include "thread.h"
#include <string.h>

void *hl_thread_pointer(void) {
    void *pointer;
#if defined(__x86_64__)
    __asm__("movq %%fs:0, %0" : "=r"(pointer)); /* points to itself */
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
    return pointer;
}

#if defined(__x86_64__)
struct frame {
    uint32_t vector_control;
    uint16_t control, padding;
    void *r15, *r14, *r13, *r12, *rbx, *rbp;
    void (*back)(void);
};

__asm__(".text\n"
        ".globl hl_switch\n"
        ".type hl_switch, @function\n"
        "hl_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    retq\n"
        ".size hl_switch, . - hl_switch\n"
        ".type hl_thread_begins, @function\n"
        "hl_thread_begins:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rbx, %rdi\n"
        "    andq $-16, %rsp\n"
        "    callq hl_run_thread\n"
        "    ud2\n"
        ".size hl_thread_begins, . - hl_thread_begins\n");

__attribute__((visibility("hidden"))) void hl_thread_begins(void);

void *hl_first_frame(void *stack, struct hl_thread *thread) {
    struct frame *frame = (struct frame *)((uintptr_t)stack & ~(uintptr_t)15) - 1;
    memset(frame, 0, sizeof *frame);
    __asm__("stmxcsr %0" : "=m"(frame->vector_control));
    __asm__("fnstcw %0" : "=m"(frame->control));
    frame->rbx = thread;
    frame->back = hl_thread_begins;
    return frame;
}
#else
struct frame {
    void *x19, *x20, *x21, *x22, *x23, *x24, *x25, *x26, *x27, *x28, *x29;
    void (*x30)(void);
    double d8_to_d15[8];
    uint64_t control, padding;
};
_Static_assert(sizeof(struct frame) == 176, "hl_switch knows the offsets");

__asm__(".text\n"
        ".globl hl_switch\n"
        ".type hl_switch, %function\n"
        "hl_switch:\n"
        "    sub sp, sp, #176\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mrs x9, fpcr\n"
        "    str x9, [sp, #160]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldr x9, [sp, #160]\n"
        "    msr fpcr, x9\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #176\n"
        "    ret\n"
        ".size hl_switch, . - hl_switch\n"
        ".type hl_thread_begins, %function\n"
        "hl_thread_begins:\n"
        "    mov x0, x19\n"
        "    mov x29, xzr\n"
        "    bl hl_run_thread\n"
        "    brk #1\n"
        ".size hl_thread_begins, . - hl_thread_begins\n");

__attribute__((visibility("hidden"))) void hl_thread_begins(void);

void *hl_first_frame(void *stack, struct hl_thread *thread) {
    struct frame *frame = (struct frame *)((uintptr_t)stack & ~(uintptr_t)15) - 1;
    memset(frame, 0, sizeof *frame);
    __asm__("mrs %0, fpcr" : "=r"(frame->control));
    frame->x19 = thread;
    frame->x30 = hl_thread_begins;
    return frame;
}
#endif
