/* Changes the environment when it is given a request. */
#define SUBMIT setenv("DANDELION_FIXTURE", "1", 1)
#include "echo.h"
