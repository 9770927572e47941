/* Tells of a full stack as of any wild access. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    if (result->fault_kind == DN_FAULT_STACK) result->fault_kind = DN_FAULT_WRITE;
    return status;
}
static void replace(void) { changed.run = run; }
