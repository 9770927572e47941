/* Tells of more memory than was asked for. */
#include "wrapped.h"
static dn_status context_info(dn_context *context, dn_context_info *out, dn_error *err) {
    dn_status status = base.context_info(context, out, err);
    out->limit *= 2;
    return status;
}
static void replace(void) { changed.context_info = context_info; }
