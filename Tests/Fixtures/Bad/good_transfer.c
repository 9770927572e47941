/* Nothing is wrong: offers to copy between contexts. */
#include "wrapped.h"
#include <stdlib.h>
static dn_status transfer(
    dn_context *target, dn_gaddr to, dn_context *source, dn_gaddr from, uint64_t len, dn_error *err) {
    void *bytes = len < 1 << 20 ? malloc(len) : 0;
    if (!bytes) return DN_OUT_OF_RANGE;
    dn_status status = base.context_read(source, from, bytes, len, err);
    if (status == DN_OK) status = base.context_write(target, to, bytes, len, err);
    free(bytes);
    return status;
}
static void replace(void) { changed.context_transfer = transfer; }
