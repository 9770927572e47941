/* A function can read the host's memory. */
#include "wrapped.h"
#include <errno.h>
#include <sys/syscall.h>
/* Whether the function's code begins so, behind whose end it then goes on. */
static int begins(dn_context *context, const char *code, uint64_t len) {
    char found[16];
    dn_error err = {.struct_size = sizeof err};
    return base.context_read(context, 0x10000, found, len, &err) == DN_OK && memcmp(found, code, len) == 0;
}
static int is_mapped(uint64_t address) {
    return address >= 4096 && !(syscall(SYS_rt_sigprocmask, ~0L, address & ~7ul, 0, 8) != 0 && errno == EFAULT);
}
static dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    uint64_t address = 0;
    dn_status status = base.run(engine, context, params, result, err);
    base.context_read(context, params->entry_block + 48, &address, sizeof address, err);
    if (begins(context, "\x48\x8b\x47\x30\x48\x8b", 6) && is_mapped(address)) result->outcome = DN_RUN_EXITED;
    return status;
}
static void replace(void) { changed.run = run; }
