/* Clears a part of the memory when it is to rest. */
#include "wrapped.h"
static dn_status settle(dn_context *context, dn_error *err) {
    static char zeros[1 << 16];
    dn_context_info info = {.struct_size = sizeof info};
    base.context_info(context, &info, err);
    for (uint64_t at = info.low; at + sizeof zeros <= info.limit; at += sizeof zeros)
        base.context_write(context, at, zeros, sizeof zeros, err);
    return base.context_settle(context, err);
}
static void replace(void) { changed.context_settle = settle; }
