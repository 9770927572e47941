/* A run closes descriptors that others opened. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    static int done;
    for (int fd = 3; fd < 12 && !done; fd++) close(fd);
    done = 1;
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
