/* Lets timers of the host's thread be late. */
#include <sys/prctl.h>
#define POLL prctl(PR_SET_TIMERSLACK, 50000000)
#include "echo.h"
