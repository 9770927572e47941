/* Its probe never returns. */
#define PROBE for (;;) pause()
#include "echo.h"
