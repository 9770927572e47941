/* A context begins with what an earlier one was shown. */
#include "wrapped.h"
static dn_file_range mapped = {.file = -1};
static dn_status map(dn_context *context, const dn_file_range *range, dn_error *err) {
    dn_status status = base.context_map(context, range, err);
    if (status == DN_OK) mapped = *range;
    return status;
}
static dn_status load(dn_context *context, dn_image *image, dn_error *err) {
    dn_status status = base.context_load(context, image, err);
    if (status == DN_OK && mapped.file >= 0) base.context_write(context, mapped.address, "left", 4, err);
    return status;
}
static void replace(void) {
    changed.context_map = map;
    changed.context_load = load;
}
