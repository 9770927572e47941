/* Defines a metric twice. */
#include <dandelion/abi.h>
static void define(const dn_host *host) {
    const dn_host_metrics *metrics = host->get_interface(host, DN_HOST_METRICS_1);
    uint32_t id;
    for (int i = 0; i < 2; i++) metrics->define(host, DN_METRIC_COUNTER, "starts", "Starts.", &id);
}
#define START define(host)
#include "echo.h"
