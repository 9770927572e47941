/* Adds to a metric that it has not defined. */
#include <dandelion/abi.h>
static void count(const dn_host *host) {
    const dn_host_metrics *metrics = host->get_interface(host, DN_HOST_METRICS_1);
    metrics->add(host, 7, 1);
}
#define START count(host)
#include "echo.h"
