/* Tells of runs that took 2^64 - 1 ns. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    result->run_ns = ~0ull;
    return status;
}
static void replace(void) { changed.run = run; }
