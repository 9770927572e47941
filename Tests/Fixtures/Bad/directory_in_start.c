/* Changes the working directory of the process. */
#define START chdir("/")
#include "echo.h"
