/* Makes the host's thread one of lower priority. */
#define SUBMIT (void)!nice(1)
#include "echo.h"
