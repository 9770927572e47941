/* Leaves what its registers held when it began: 16 general ones, flags, MXCSR, x87 control word, two vectors. */
#define START_OF_ITS_OWN
#include "guest.h"

static u64 seen[24];

__attribute__((naked, noreturn)) void _start(void) {
    __asm__("mov %rax, seen\n mov %rbx, seen+8\n mov %rcx, seen+16\n mov %rdx, seen+24\n mov %rsi, seen+32\n"
            "mov %rdi, seen+40\n mov %rbp, seen+48\n mov %rsp, seen+56\n mov %r8, seen+64\n mov %r9, seen+72\n"
            "mov %r10, seen+80\n mov %r11, seen+88\n mov %r12, seen+96\n mov %r13, seen+104\n mov %r14, seen+112\n"
            "mov %r15, seen+120\n pushfq\n pop %rax\n mov %rax, seen+128\n stmxcsr seen+136\n fnstcw seen+144\n"
            "movq %xmm0, seen+152\n movq %xmm15, seen+160\n rdfsbase %rax\n mov %rax, seen+168\n rdgsbase %rax\n"
            "mov %rax, seen+176\n call guest_start\n ud2");
}

void guest_main(void) { OUTPUT("registers", seen, sizeof seen); }
