/* Takes huge pages from the host. */
#include <sys/prctl.h>
#define START prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
#include "echo.h"
