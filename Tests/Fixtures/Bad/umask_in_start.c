/* Changes the umask of the process. */
#define START umask(0123)
#include "echo.h"
