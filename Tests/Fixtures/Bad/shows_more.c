/* Shows a page more of a file than was asked for. */
#include "wrapped.h"
static dn_status map(dn_context *context, const dn_file_range *range, dn_error *err) {
    dn_file_range more = *range;
    if (more.len == 2 << 20) more.len += 4096;
    return base.context_map(context, &more, err);
}
static void replace(void) { changed.context_map = map; }
