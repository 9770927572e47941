/* Makes no context any more when one was destroyed on another thread than its engine's. */
#include "wrapped.h"
#include <pthread.h>
static pthread_t owner;
static int is_confused;
static dn_status engine_create(dn_instance *instance, const dn_engine_params *params, dn_engine **out, dn_error *err) {
    owner = pthread_self();
    return base.engine_create(instance, params, out, err);
}
static dn_status context_create(dn_engine *engine, const dn_context_params *params, dn_context **out, dn_error *err) {
    return is_confused ? DN_FAILED : base.context_create(engine, params, out, err);
}
static void context_destroy(dn_context *context) {
    if (!pthread_equal(pthread_self(), owner)) is_confused = 1;
    base.context_destroy(context);
}
static void replace(void) {
    changed.engine_create = engine_create, changed.context_create = context_create;
    changed.context_destroy = context_destroy;
}
