/* A run renames the engine's thread. */
#include "wrapped.h"
#include <sys/prctl.h>
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    prctl(PR_SET_NAME, "mine");
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
