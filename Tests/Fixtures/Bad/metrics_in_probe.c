/* Its probe uses a service that probes may not use. */
#define PROBE count(host)
#include <dandelion/abi.h>
static void count(const dn_host *host) {
    const dn_host_metrics *metrics = host->get_interface(host, DN_HOST_METRICS_1);
    uint32_t id;
    metrics->define(host, DN_METRIC_COUNTER, "probes", "Probes.", &id);
}
#include "echo.h"
