/* Completes a request that nobody made. */
#define COMPLETE one->token += 1000000
#include "echo.h"
