/* Changes the umask when a request is cancelled. */
#define CANCEL umask(0123)
#include "echo.h"
