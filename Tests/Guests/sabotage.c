/* Attacks the Process backend's own pages: parameters are the control page, its size, and what to do. 0 overwrites
 * all of it and the signal stack, then faults; 1 does so and leaves; 2 claims to be done and goes on; 3 does 0 with
 * the stack pointer inside the signal stack; 4 overwrites and then loops. */
#include "guest.h"

void guest_main(void) {
    u64 page = parameter(0), size = parameter(1), what = parameter(2);
    static volatile u64 counter;
    if (what == 2) {
        NOTE_ADDRESS(&counter);
        *(volatile u32 *)(page + 8) = 0;
        for (;;) counter++;
    }
    for (u64 i = 0; i < size; i += 8) *(volatile u64 *)(page + i) = parameter(3);
    if (what == 1) leave(0);
    if (what == 3) __asm__ volatile("mov %0, %%rsp\n movb $1, 0" ::"r"(page + 4096 + 64));
    if (what == 4) {
        for (;;) __asm__ volatile("");
    }
    *(volatile u8 *)8 = 1;
}
