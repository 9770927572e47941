/* Its stop ends the process. */
#define STOP exit(0)
#include "echo.h"
