/* Executes one instruction that a function may not, or that fails: the parameter says which. */
#include "guest.h"

extern const char at_0[], at_1[], at_2[], at_3[], at_4[], at_5[], at_6[], at_7[], at_8[], at_9[], at_10[], at_11[];

void guest_main(void) {
    u64 which = parameter(0);
#define CASE(number, code)                                   \
    if (which == number) {                                   \
        NOTE_PC(at_##number);                                \
        __asm__ volatile("at_" #number ": " code ::: "memory", "rax", "rcx", "rdx"); \
    }
    CASE(0, "ud2")
    if (which == 1) {
        NOTE_PC(at_1);
        __asm__ volatile("mov $1, %%eax\n xor %%edx, %%edx\n xor %%ecx, %%ecx\n at_1: div %%ecx" :::
                         "rax", "rcx", "rdx");
    }
    CASE(2, "hlt")
    CASE(3, "cli")
    CASE(4, "in $0x60, %%al")
    CASE(5, "out %%al, $0x10")
    CASE(6, "wrmsr")
    CASE(7, "mov %%cr3, %%rax")
    CASE(8, "int3")
    CASE(9, "int $33")
    CASE(10, "ud1l 7(%%eax), %%eax")
    CASE(11, "ud1l (%%eax), %%eax")
}
