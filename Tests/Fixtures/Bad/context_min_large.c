/* Refuses the least memory that it asks for. */
#include "wrapped.h"
static dn_status context_load(dn_context *context, dn_image *image, dn_error *err) {
    dn_context_info info = {.struct_size = sizeof info};
    dn_status status = base.context_load(context, image, err);
    if (status == DN_OK && base.context_info(context, &info, err) == DN_OK && info.limit < 0x20000) return DN_LIMIT;
    return status;
}
static void replace(void) { changed.context_load = context_load; }
