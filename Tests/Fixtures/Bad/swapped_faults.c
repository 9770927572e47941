/* Tells of reads as writes and of writes as reads. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    if (result->fault_kind == DN_FAULT_READ) result->fault_kind = DN_FAULT_WRITE;
    else if (result->fault_kind == DN_FAULT_WRITE) result->fault_kind = DN_FAULT_READ;
    return status;
}
static void replace(void) { changed.run = run; }
