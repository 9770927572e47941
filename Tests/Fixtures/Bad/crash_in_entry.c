/* Its entry writes to address 0. */
#define ENTRY *(volatile int *)0 = 1
#include "echo.h"
