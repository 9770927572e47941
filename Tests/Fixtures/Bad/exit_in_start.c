/* Its start ends the process. */
#define START exit(0)
#include "echo.h"
