/* An engine's signal handler is detached by whoever interrupts it. */
#include "wrapped.h"
static uint64_t token;
static int is_attached, was_attached;
static int32_t pass(void *arg, int32_t signo, void *info, void *context) {
    (void)arg, (void)signo, (void)info, (void)context;
    return 0;
}
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    if (!was_attached) was_attached = is_attached = signals->attach(host, pass, 0, &token) == DN_OK;
    return base.run(engine, context, params, result, err);
}
static void interrupt(dn_engine *engine, uint64_t run, int32_t reason) {
    base.interrupt(engine, run, reason);
    if (is_attached) signals->detach(host, token);
    is_attached = 0;
}
static void replace(void) { changed.run = run, changed.interrupt = interrupt; }
