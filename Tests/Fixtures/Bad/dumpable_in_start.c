/* Makes the process one that cannot be traced. */
#include <sys/prctl.h>
#define START prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
#include "echo.h"
