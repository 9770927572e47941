/* Puts another file under the standard input. */
#define POLL dup2(reactor->fd, 0)
#include "echo.h"
