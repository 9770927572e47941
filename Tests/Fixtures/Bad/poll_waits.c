/* Its poll waits although it was told not to. */
#define POLL usleep(300000)
#include "echo.h"
