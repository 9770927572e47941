/* Logs on a thread that it made itself. */
#include <dandelion/abi.h>
#include <pthread.h>
static void *say(void *arg) {
    const dn_host *host = arg;
    const dn_host_log *log = host->get_interface(host, DN_HOST_LOG_1);
    log->log(host, DN_LOG_DEBUG, (dn_bytes){(const uint8_t *)"here", 4});
    return 0;
}
#define START pthread_t thread; if (pthread_create(&thread, 0, say, (void *)host) == 0) pthread_join(thread, 0)
#include "echo.h"
