/* Changes the umask when it is given a request. */
#define SUBMIT umask(0123)
#include "echo.h"
