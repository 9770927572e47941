/* Its reactor has no descriptor. */
#define REACTOR_FD -1
#include "echo.h"
