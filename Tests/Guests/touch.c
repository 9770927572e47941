/* Writes one byte to as many pages of its heap as the parameter says. */
#include "guest.h"

void guest_main(void) {
    u64 at = (__dandelion_system_data.heap_begin + 4095) & ~4095ull;
    for (u64 i = 0; i < parameter(0); i++) ((volatile u8 *)at)[i * 4096] = 1;
}
