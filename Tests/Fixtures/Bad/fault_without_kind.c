/* Tells of a fault and not of its kind. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    result->fault_kind = DN_FAULT_NONE;
    return status;
}
static void replace(void) { changed.run = run; }
