/* Jumps to an address near the platform's exit with the registers of a system call: parameters are the distance, the
 * number and three arguments. Whatever happens must stay inside. */
#include "guest.h"

void guest_main(void) {
    u64 to = entry->exit_address + parameter(0);
    register u64 r10 __asm__("r10") = 0;
    __asm__ volatile("jmp *%0" ::"r"(to), "a"(parameter(1)), "D"(parameter(2)), "S"(parameter(3)), "d"(parameter(4)),
                     "r"(r10) : "memory");
    __builtin_unreachable();
}
