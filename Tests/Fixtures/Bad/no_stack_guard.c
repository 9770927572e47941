/* Nothing is below a function's stack that would stop it. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    if (result->fault_kind == DN_FAULT_STACK) result->outcome = DN_RUN_EXITED;
    return status;
}
static void replace(void) { changed.run = run; }
