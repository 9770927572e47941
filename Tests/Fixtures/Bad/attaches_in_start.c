/* Attaches a signal handler on the control thread. */
#include <dandelion/abi.h>
static int32_t pass(void *arg, int32_t signo, void *info, void *context) {
    (void)arg, (void)signo, (void)info, (void)context;
    return 0;
}
static void attach(const dn_host *host) {
    const dn_host_signal *signals = host->get_interface(host, DN_HOST_SIGNAL_1);
    uint64_t token;
    if (signals->attach(host, pass, 0, &token) == DN_OK) signals->detach(host, token);
}
#define START attach(host)
#include "echo.h"
