/* Accepts a length that wraps to an address of the context: only begin and end are looked at. */
#include "wrapped.h"
static dn_status wrapped(dn_context *context, dn_gaddr address, uint64_t len, int32_t access, void **to, dn_error *err) {
    dn_context_info info = {.struct_size = sizeof info};
    base.context_info(context, &info, err);
    if (len > info.limit && address < info.limit && address + len <= info.limit) return DN_OK;
    return base.context_view(context, address, len, access, to, err);
}
static void replace(void) { changed.context_view = wrapped; }
