/* Leaves at once; 100 KiB of code. With MIB an image of that size, of which a run reads 256 pages and writes 200 others. */
#include "guest.h"

#ifdef MIB
#define TEXT(value) #value
#define SIZE(mib) TEXT(mib)
__asm__(".data\n .balign 4096\n big: .fill " SIZE(MIB) " << 20, 1, 7\n .text\n");
extern volatile char big[];

void guest_main(void) {
    for (int i = 0; i < 256; i++) (void)big[i << 12];
    for (int i = 0; i < 200; i++) big[(MIB << 19) + (i << 13)] = 1;
}
#else
__asm__(".text\n .fill 102000, 1, 0x90\n");

void guest_main(void) {}
#endif
