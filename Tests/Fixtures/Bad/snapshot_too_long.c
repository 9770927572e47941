/* Keeps memory beyond the end that it was told. */
#include "wrapped.h"
static dn_status longer(dn_context *context, dn_gaddr data_begin, dn_image **out, dn_error *err) {
    return base.image_snapshot(context, data_begin < 1 << 19 ? data_begin + 64 : data_begin, out, err);
}
static void replace(void) { changed.image_snapshot = longer; }
