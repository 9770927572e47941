/* Copies input set i to output set i, with idents and keys, beside each other in the heap. */
#include "guest.h"

void guest_main(void) {
    dn_guest_system64 *system = &__dandelion_system_data;
    const dn_guest_set64 *in = (const dn_guest_set64 *)system->input_sets;
    const dn_guest_item64 *items = (const dn_guest_item64 *)system->input_items;
    dn_guest_set64 *out = (dn_guest_set64 *)system->output_sets;
    u8 *heap = (u8 *)system->heap_begin;
    u64 sets = system->input_sets_len < system->output_sets_len ? system->input_sets_len : system->output_sets_len;
    for (u64 i = 0; i < sets; i++) {
        out[i].offset = output_count;
        for (u64 k = in[i].offset; k < in[i + 1].offset; k++) {
            memcpy(heap, (const void *)items[k].data, items[k].data_len);
            output_items[output_count++] = (dn_guest_item64){items[k].ident, items[k].ident_len, (u64)heap,
                                                             items[k].data_len, items[k].key};
            heap += items[k].data_len;
        }
    }
    for (u64 i = sets; i <= system->output_sets_len; i++) out[i].offset = output_count;
    system->output_items = (u64)output_items;
}
