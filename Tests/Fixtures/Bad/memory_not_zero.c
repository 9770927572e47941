/* A byte of a context is not zero. */
#include "wrapped.h"
static dn_status load(dn_context *context, dn_image *image, dn_error *err) {
    dn_status status = base.context_load(context, image, err);
    return status == DN_OK ? base.context_write(context, 0x40000, "x", 1, err) : status;
}
static void replace(void) { changed.context_load = load; }
