/* Accepts a length that wraps to an address of the context. */
#include "wrapped.h"
#include <stdlib.h>
static dn_status transfer(
    dn_context *target, dn_gaddr to, dn_context *source, dn_gaddr from, uint64_t len, dn_error *err) {
    if (to + len < 1 << 20 && from + len < 1 << 20 && len > 1 << 20) return DN_OK;
    void *bytes = len < 1 << 20 ? malloc(len) : 0;
    if (!bytes) return DN_OUT_OF_RANGE;
    dn_status status = base.context_read(source, from, bytes, len, err);
    if (status == DN_OK) status = base.context_write(target, to, bytes, len, err);
    free(bytes);
    return status;
}
static void replace(void) { changed.context_transfer = transfer; }
