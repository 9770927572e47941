/* Leaves tables that lie: the parameter says how. The host must refuse them, or read nothing outside the context. */
#include "guest.h"

void guest_main(void) {
    dn_guest_system64 *system = &__dandelion_system_data;
    dn_guest_set64 *sets = (dn_guest_set64 *)system->output_sets;
    static const char text[] = "text";
    OUTPUT("item", text, 4);
    switch (parameter(0)) {
    case 0: sets[1].offset = ~0ull; break;
    case 1: sets[0].offset = 5, sets[1].offset = 2; break;
    case 2: system->output_items = ~0ull - 8; break;
    case 3: system->output_items = 0; break;
    case 4: output_items[0].data_len = ~0ull; break;
    case 5: output_items[0].data = ~0ull - 1, output_items[0].data_len = 4; break;
    case 6: output_items[0].data = system->heap_end - 2, output_items[0].data_len = 4; break;
    case 7: system->output_sets = 8; break;
    case 8: system->output_sets_len = ~0ull; break;
    case 9: output_items[0].ident_len = 1ull << 63; break;
    case 10: output_items[0].data = entry->exit_address, output_items[0].data_len = 16; break;
    }
}
