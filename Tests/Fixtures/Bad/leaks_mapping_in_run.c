/* A run leaves a mapping of 1 MiB. */
#include "wrapped.h"
#include <sys/mman.h>
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
