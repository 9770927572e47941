/* Does not let the host see a function's stack. */
#include "wrapped.h"
static dn_status view(dn_context *context, dn_gaddr address, uint64_t len, int32_t access, void **out, dn_error *err) {
    dn_context_info info = {.struct_size = sizeof info};
    base.context_info(context, &info, err);
    if (address >= info.stack_low && address < info.stack_high) return DN_OUT_OF_RANGE;
    return base.context_view(context, address, len, access, out, err);
}
static void replace(void) { changed.context_view = view; }
