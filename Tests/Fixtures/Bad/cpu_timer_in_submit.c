/* Sets a timer of CPU time whose signal would end the node. */
#include <sys/time.h>
#define SUBMIT struct itimerval t = {{0, 0}, {1000, 0}}; setitimer(ITIMER_VIRTUAL, &t, 0)
#include "echo.h"
