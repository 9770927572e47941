/* Changes the working directory while it validates. */
#define VALIDATE if (chdir("/")) return DN_IO
#include "echo.h"
