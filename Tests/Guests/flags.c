/* Faults or leaves with unusual flags set: the parameter is a mask for RFLAGS, the second 1 to fault. */
#include "guest.h"

void guest_main(void) {
    u64 mask = parameter(0), fault = parameter(1);
    OUTPUT("flags", 0, 0);
    __dandelion_system_data.exit_code = 0;
    u64 to = entry->exit_address;
    __asm__ volatile("pushfq\n or %0, (%%rsp)\n popfq\n test %1, %1\n jz 1f\n movb $1, 0\n 1: jmp *%2"
                     ::"r"(mask), "r"(fault), "r"(to) : "memory", "cc");
    __builtin_unreachable();
}
