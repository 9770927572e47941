/* A run blocks a signal on the engine's thread. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
