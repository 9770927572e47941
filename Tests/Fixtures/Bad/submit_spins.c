/* Works for 2 s when it is given a request. */
#define SUBMIT for (time_t end = time(0) + 2; time(0) <= end;) {}
#include "echo.h"
