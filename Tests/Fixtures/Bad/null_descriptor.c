/* Its entry gives null. */
#define ENTRY return 0
#include "echo.h"
