/* Leaves at once; 100 KiB of code. */
#include "guest.h"

__asm__(".text\n .fill 102000, 1, 0x90\n");

void guest_main(void) {}
