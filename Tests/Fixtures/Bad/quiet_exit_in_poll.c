/* Its poll ends the process. */
#define POLL _exit(3)
#include "echo.h"
