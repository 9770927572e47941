/* Its entry never returns. */
#define ENTRY for (;;) pause()
#include "echo.h"
