/* Names another part of its file than the one that holds the memory. */
#include "wrapped.h"
static dn_status export(dn_context *context, dn_gaddr address, uint64_t len, dn_file_range *out, dn_error *err) {
    dn_status status = base.context_export(context, address, len, out, err);
    if (status == DN_OK) out->offset += 4096;
    return status;
}
static void replace(void) { changed.context_export = export; }
