/* Its reactor's descriptor is the standard input. */
#define REACTOR_FD 0
#include "echo.h"
