/* Its signal handler logs. */
#include "wrapped.h"
static int32_t say(void *arg, int32_t signo, void *info, void *context) {
    (void)arg, (void)info, (void)context;
    if (signo != signals->kick_signal) return 0;
    const dn_host_log *log = host->get_interface(host, DN_HOST_LOG_1);
    if (log) log->log(host, DN_LOG_DEBUG, (dn_bytes){(const uint8_t *)"kicked", 6});
    return 1;
}
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    uint64_t token;
    if (signals->attach(host, say, 0, &token) == DN_OK) {
        signals->kick(host, token);
        signals->detach(host, token);
    }
    return base.run(engine, context, params, result, err);
}
static void replace(void) { changed.run = run; }
