/* A run leaves a descriptor open. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dup(2);
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
