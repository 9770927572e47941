/* Keeps the host of an instance that has stopped, and logs to it in the next probe. */
#include <dandelion/abi.h>
static const dn_host *kept;
static void say(const dn_host *host) {
    const dn_host_log *log = host->get_interface(host, DN_HOST_LOG_1);
    if (log) log->log(host, DN_LOG_INFO, (dn_bytes){(const uint8_t *)"late", 4});
}
static int is_over;
#define PROBE if (is_over) say(kept)
#define START kept = host
#define STOP is_over = 1
#include "echo.h"
