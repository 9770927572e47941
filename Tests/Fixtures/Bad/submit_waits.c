/* Waits 3 s when it is given a request. */
#define SUBMIT sleep(3)
#include "echo.h"
