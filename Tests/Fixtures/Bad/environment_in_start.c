/* Changes the environment of the process. */
#define START setenv("DANDELION_FIXTURE", "1", 1)
#include "echo.h"
