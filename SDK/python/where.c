/* Where the program is, for the error that its caller gets when its time is over: the platform stops it from outside, and the
 * interpreter then has no chance to tell. So it tells beforehand, ever more often as the end comes near. */
#include "sets.h"
#include <dandelion/function.h>
#include <stdlib.h>
#include <time.h>

#define TICKS 1000            /* backward jumps and calls between two looks at the clock */
#define LEAST 1000000u        /* nanoseconds between two traces */

int dandelion_ticks = TICKS;

static uint64_t limit, next; /* of the processor's time, ns; 0: nothing is to be told */

static uint64_t used(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* By the interpreter's loop, between two instructions of the program. An error in telling is nobody's. */
static int tell(void *nothing) {
    (void)nothing;
    PyObject *module = PyImport_ImportModule("dandelion._main");
    PyObject *result = module ? PyObject_CallMethod(module, "tell_where", NULL) : NULL;
    if (!result) PyErr_Clear();
    Py_XDECREF(result);
    Py_XDECREF(module);
    return 0;
}

void dandelion_tick(void) {
    dandelion_ticks = TICKS;
    if (next == 0) return;
    uint64_t now = used();
    if (now < next) return;
    uint64_t half = now < limit ? (limit - now) / 2 : 0;
    next = now + (half > LEAST ? half : LEAST);
    Py_AddPendingCall(tell, NULL);
}

void dandelion_watch(void) {
    limit = dandelion_time_limit_ns();
    next = limit / 2;
}
