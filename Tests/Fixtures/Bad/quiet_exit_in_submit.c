/* Ends the process without exit handlers when it is given a request. */
#define SUBMIT _exit(0)
#include "echo.h"
