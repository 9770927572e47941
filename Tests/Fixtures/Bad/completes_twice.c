/* Completes each request twice. */
#define COPIES 2
#include "echo.h"
