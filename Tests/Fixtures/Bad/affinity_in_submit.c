/* Pins the host's thread to one CPU. */
#define _GNU_SOURCE
#include <sched.h>
#define SUBMIT pin()
static void pin(void) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    for (int cpu = 0, left = 1; cpu < CPU_SETSIZE; cpu++) if (CPU_ISSET(cpu, &set) && !left--) CPU_CLR(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}
#include "echo.h"
