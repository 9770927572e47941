/* Closes all descriptors but its own when it is given a request. */
#define SUBMIT for (int fd = 3; fd < 64; fd++) if (fd != reactor->fd) close(fd)
#include "echo.h"
