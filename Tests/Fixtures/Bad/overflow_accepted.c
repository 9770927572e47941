/* Accepts an address and length whose sum wraps. */
#include "wrapped.h"
static dn_status read_memory(dn_context *context, dn_gaddr address, void *to, uint64_t len, dn_error *err) {
    return address + len < address ? DN_OK : base.context_read(context, address, to, len, err);
}
static void replace(void) { changed.context_read = read_memory; }
