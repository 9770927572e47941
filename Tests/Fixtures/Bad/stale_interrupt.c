/* An interrupt of a run that is over hits the next one. */
#include "wrapped.h"
static uint64_t over;
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    over = params->run_id;
    return status;
}
static void interrupt(dn_engine *engine, uint64_t run_id, int32_t reason) {
    base.interrupt(engine, run_id == over ? run_id + 1 : run_id, reason);
}
static void replace(void) { changed.run = run, changed.interrupt = interrupt; }
