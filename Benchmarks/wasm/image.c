/* The kernels as one function: the first item names one; the output item is its digest. Nothing is left for an unknown name.
 * As a module it is of the platform's own form, with a memory of its own: a linker fills the zeros of an imported one. */
#include "kernels/kernels.h"

#define DECLARE(name) uint64_t name(void);
KERNELS(DECLARE)

static uint64_t digest;

static int is(const void *item, size_t length, const char *name) {
    const char *bytes = item;
    for (size_t i = 0; i < length; i++)
        if (name[i] == 0 || name[i] != bytes[i]) return 0;
    return name[length] == 0;
}

/* Whether there is such a kernel. */
static int run(const void *item, size_t length) {
#define TRY(name) \
    if (is(item, length, #name)) { \
        digest = name(); \
        return 1; \
    }
    KERNELS(TRY)
    return 0;
}

#ifdef __wasm__
#include <dandelion/guest.h>

dn_guest_system32 __dandelion_system_data;
static dn_guest_item32 output;

__attribute__((export_name("_start"))) void start(void) {
    dn_guest_system32 *system = &__dandelion_system_data;
    const dn_guest_item32 *item = (const dn_guest_item32 *)system->input_items;
    system->exit_code = 0;
    if (!run((const void *)item->data, item->data_len)) return;
    output = (dn_guest_item32){.data = (uint32_t)&digest, .data_len = sizeof digest};
    system->output_items = (uint32_t)&output;
    ((dn_guest_set32 *)system->output_sets)[1].offset = 1;
}
#else
#include <dandelion/function.h>

int main(void) {
    const dandelion_item *wanted = dandelion_input(0, 0);
    dandelion_item item = {"digest", 6, &digest, sizeof digest, 0};
    return wanted && run(wanted->data, wanted->length) ? dandelion_output(0, &item) : 0;
}
#endif
