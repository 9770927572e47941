/* Says that it has mapped a file where no context is. */
#include "wrapped.h"
static dn_status map(dn_context *context, const dn_file_range *range, dn_error *err) {
    dn_status status = base.context_map(context, range, err);
    return status == DN_OUT_OF_RANGE ? DN_OK : status;
}
static void replace(void) { changed.context_map = map; }
