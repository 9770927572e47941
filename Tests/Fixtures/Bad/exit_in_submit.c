/* Ends the process when it is given a request. */
#define SUBMIT exit(0)
#include "echo.h"
