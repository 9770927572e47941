/* Changes how the standard error is written to. */
#define SUBMIT fcntl(2, F_SETFL, fcntl(2, F_GETFL) | O_NONBLOCK)
#include "echo.h"
