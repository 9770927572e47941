/* Runs on after the deadline. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_run_params endless = *params;
    endless.deadline = 0;
    return base.run(engine, context, &endless, result, err);
}
static void replace(void) { changed.run = run; }
