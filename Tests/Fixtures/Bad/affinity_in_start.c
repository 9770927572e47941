/* Pins the control thread to one CPU. */
#define _GNU_SOURCE
#include <sched.h>
static void pin(void) {
    cpu_set_t now, one;
    sched_getaffinity(0, sizeof now, &now);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) if (CPU_ISSET(cpu, &now)) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}
#define START pin()
#include "echo.h"
