/* A run leaves another rounding mode. */
#include "wrapped.h"
#include <xmmintrin.h>
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    dn_status status = base.run(engine, context, params, result, err);
    _mm_setcsr(_mm_getcsr() | _MM_ROUND_UP);
    return status;
}
static void replace(void) { changed.run = run; }
