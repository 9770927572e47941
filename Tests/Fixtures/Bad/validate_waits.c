/* Waits half a second while it validates. */
#define VALIDATE usleep(500000)
#include "echo.h"
