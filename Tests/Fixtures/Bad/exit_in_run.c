/* A run ends the process with success. */
#include "wrapped.h"
#include <stdlib.h>
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    (void)engine, (void)context, (void)params, (void)result, (void)err;
    exit(0);
}
static void replace(void) { changed.run = run; }
