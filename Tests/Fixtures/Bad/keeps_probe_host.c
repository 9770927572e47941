/* Reads its settings from the host of a probe that is over. */
#include <dandelion/abi.h>
static const dn_host *kept;
static int64_t setting(void) {
    int64_t value = 0;
    const dn_host_config *config = kept ? kept->get_interface(kept, DN_HOST_CONFIG_1) : 0;
    if (config) config->get_int(kept, "size", &value);
    return value;
}
#define PROBE kept = host
#define START setting()
#include "echo.h"
