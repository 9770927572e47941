/* One item of as many bytes as the parameter says, counting up. */
#include "guest.h"

void guest_main(void) {
    u64 size = parameter(0);
    u8 *heap = (u8 *)__dandelion_system_data.heap_begin;
    for (u64 i = 0; i < size; i++) heap[i] = (u8)i;
    OUTPUT("big", heap, size);
}
