/* Defines a metric when the first request comes. */
#include <dandelion/abi.h>
static const dn_host *kept;
static uint32_t requests;
static void count(void) {
    static const dn_host *defined;
    const dn_host_metrics *metrics = kept->get_interface(kept, DN_HOST_METRICS_1);
    if (defined != kept) metrics->define(kept, DN_METRIC_COUNTER, "requests", "Requests.", &requests);
    defined = kept;
    metrics->add(kept, requests, 1);
}
#define START kept = host
#define SUBMIT count()
#include "echo.h"
