/* Tells of an instruction that the function does not have. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    if (result->valid & DN_RESULT_PC) result->fault_pc = 0;
    return status;
}
static void replace(void) { changed.run = run; }
