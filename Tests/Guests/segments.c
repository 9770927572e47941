/* Changes segment registers or the CPU's mode: 0 loads null selectors, 1 runs 32-bit code that makes a system call,
 * 2 runs 32-bit code that faults, 3 jumps to a selector that does not exist. */
#include "guest.h"

__attribute__((naked)) static void call32(void) { __asm__(".code32\n mov $20, %eax\n int $0x80\n ud2\n .code64"); }
__attribute__((naked)) static void fault32(void) { __asm__(".code32\n mov 0, %eax\n ud2\n .code64"); }

static void far_jump(void (*target)(void), u64 selector) {
    __asm__ volatile("push %0\n push %1\n lretq" ::"r"(selector), "r"((u64)target) : "memory");
}

void guest_main(void) {
    switch (parameter(0)) {
    case 0:
        __asm__ volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs\n mov %0, %%gs" ::"r"(0));
        OUTPUT("lives", 0, 0);
        break;
    case 1: far_jump(call32, 0x23); break;
    case 2: far_jump(fault32, 0x23); break;
    default: far_jump(fault32, 0x5550 | 3); break;
    }
}
