/* Has the host be asked to stop when its parent ends. */
#include <sys/prctl.h>
#define START prctl(PR_SET_PDEATHSIG, 15)
#include "echo.h"
