/* Its probe says something else each time. */
#define PROBE static int times; if (times++) { out->availability = DN_DEGRADED; return DN_OK; }
#include "echo.h"
