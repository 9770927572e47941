/* Tells of another address than the function accessed. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    if (result->valid & DN_RESULT_ADDRESS) result->fault_address += 4096;
    return status;
}
static void replace(void) { changed.run = run; }
