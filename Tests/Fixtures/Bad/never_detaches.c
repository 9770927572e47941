/* Leaves the signal handler of an engine attached. */
#include "wrapped.h"
static int32_t pass(void *arg, int32_t signo, void *info, void *context) {
    (void)arg, (void)signo, (void)info, (void)context;
    return 0;
}
static dn_status engine_create(dn_instance *instance, const dn_engine_params *params, dn_engine **out, dn_error *err) {
    uint64_t token;
    signals->attach(host, pass, 0, &token);
    return base.engine_create(instance, params, out, err);
}
static void replace(void) { changed.engine_create = engine_create; }
