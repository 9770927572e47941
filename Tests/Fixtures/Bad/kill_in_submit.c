/* Kills the process. */
#define SUBMIT kill(getpid(), SIGKILL)
#include "echo.h"
