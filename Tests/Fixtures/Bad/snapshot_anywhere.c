/* Accepts an end that is not in the context. */
#include "wrapped.h"
static dn_status anywhere(dn_context *context, dn_gaddr data_begin, dn_image **out, dn_error *err) {
    return base.image_snapshot(context, data_begin < 0x10000 || data_begin > 1 << 20 ? 0x16000 : data_begin, out, err);
}
static void replace(void) { changed.image_snapshot = anywhere; }
