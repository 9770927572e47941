/* What a function in the original's raw form needs: 32-bit structures at a known place, and memory from its host. */
#include <dandelion/guest.h>
#include <stddef.h>

#define EXPORT(name) __attribute__((export_name(name), visibility("default")))

extern dn_guest_system32 __dandelion_system_data;
dn_guest_system32 __dandelion_system_data = {0};

static inline const dn_guest_item32 *input(unsigned set, unsigned item) {
    const dn_guest_set32 *sets = (const dn_guest_set32 *)__dandelion_system_data.input_sets;
    return (const dn_guest_item32 *)__dandelion_system_data.input_items + sets[set].offset + item;
}

/* The only output: item "out" in the first set. */
static inline void output(const void *data, unsigned length) {
    static dn_guest_item32 item;
    item = (dn_guest_item32){(uint32_t)(size_t)"out", 3, (uint32_t)(size_t)data, length, 7};
    dn_guest_set32 *sets = (dn_guest_set32 *)__dandelion_system_data.output_sets;
    sets[0].offset = 0;
    sets[1].offset = 1;
    __dandelion_system_data.output_items = (uint32_t)(size_t)&item;
    __dandelion_system_data.exit_code = 0;
}
