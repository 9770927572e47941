/* Sets a timer for profiling whose signal would end the node. */
#include <sys/time.h>
#define START struct itimerval t = {{0, 0}, {1000, 0}}; setitimer(ITIMER_PROF, &t, 0)
#include "echo.h"
