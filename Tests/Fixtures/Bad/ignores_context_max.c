/* Takes contexts above what it says is the most. */
#include "wrapped.h"
static dn_status capabilities(dn_instance *instance, dn_compute_caps *out, dn_error *err) {
    dn_status status = base.capabilities(instance, out, err);
    out->context_max = 1 << 21;
    return status;
}
static void replace(void) { changed.capabilities = capabilities; }
