/* A run changes the umask. */
#include "wrapped.h"
#include <sys/stat.h>
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    umask(0123);
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
