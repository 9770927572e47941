/* Says that a page beyond what was asked for is a part of the item, too. */
#include "wrapped.h"
static dn_status export(dn_context *context, dn_gaddr address, uint64_t len, dn_file_range *out, dn_error *err) {
    dn_status status = base.context_export(context, address, len, out, err);
    if (status == DN_OK) out->len += 4096;
    return status;
}
static void replace(void) { changed.context_export = export; }
