/* Changes the working directory when it is given a request. */
#define SUBMIT if (chdir("/")) return DN_IO
#include "echo.h"
