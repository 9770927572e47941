/* Leaves as many items as the first word of its input says, each with its number; their table lies at the heap's beginning. */
#include "guest.h"

void EXPORT("_start") _start(void) {
    unsigned count = *(const unsigned *)input(0, 0)->data;
    dn_guest_item32 *items = (dn_guest_item32 *)__dandelion_system_data.heap_begin;
    unsigned *numbers = (unsigned *)(items + count);
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = i * 3;
        items[i] = (dn_guest_item32){(uint32_t)(size_t)"item", 4, (uint32_t)(size_t)&numbers[i], 4, i};
    }
    output(0, 0);
    dn_guest_set32 *sets = (dn_guest_set32 *)__dandelion_system_data.output_sets;
    sets[1].offset = count;
    __dandelion_system_data.output_items = (uint32_t)(size_t)items;
}
