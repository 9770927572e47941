/* Says that entries can be named, and does not look at the name. */
#include "wrapped.h"
static dn_status capabilities(dn_instance *instance, dn_compute_caps *out, dn_error *err) {
    dn_status status = base.capabilities(instance, out, err);
    out->flags |= DN_COMPUTE_NAMED_ENTRIES;
    return status;
}
static void replace(void) { changed.capabilities = capabilities; }
