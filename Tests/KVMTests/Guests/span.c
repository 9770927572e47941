/* Visits its heap in steps of parameter 0 and its last byte: counts what is not zero, and writes there. */
#include "guest.h"

void guest_main(void) {
    static u64 found[2];
    u64 end = __dandelion_system_data.heap_end;
    for (u64 at = (__dandelion_system_data.heap_begin + 7) & ~7ull; at < end; at += parameter(0)) {
        found[0] += *(volatile u8 *)at != 0;
        found[1]++;
        *(volatile u8 *)at = 0x5a;
    }
    found[0] += *(volatile u8 *)(end - 1) != 0;
    *(volatile u8 *)(end - 1) = 0x5a;
    OUTPUT("found", found, sizeof found);
}
