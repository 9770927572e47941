/* Lets a function see the upper half of ymm0 of the one before it, where the kit's function stores it. */
#include "wrapped.h"
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    static const uint64_t left = 0x5ec2e751a7b394d1;
    dn_status status = base.run(engine, context, params, result, err);
    base.context_write(context, 0x11000 + 0x280, &left, sizeof left, err);
    return status;
}
static void replace(void) { changed.run = run; }
