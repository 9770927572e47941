/* Waits half a second when a request is cancelled. */
#define CANCEL usleep(500000)
#include "echo.h"
