/* Its probe writes to address 0. */
#define PROBE *(volatile int *)0 = 1
#include "echo.h"
