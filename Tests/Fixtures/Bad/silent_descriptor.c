/* Its reactor's descriptor is never readable. */
#define WAKE (void)0
#include "echo.h"
