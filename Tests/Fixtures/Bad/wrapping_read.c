/* Accepts a length that wraps to an address of the context: only begin and end are looked at. */
#include "wrapped.h"
static dn_status wrapped(dn_context *context, dn_gaddr address, void *to, uint64_t len, dn_error *err) {
    dn_context_info info = {.struct_size = sizeof info};
    base.context_info(context, &info, err);
    if (len > info.limit && address < info.limit && address + len <= info.limit) return DN_OK;
    return base.context_read(context, address, to, len, err);
}
static void replace(void) { changed.context_read = wrapped; }
