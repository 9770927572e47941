/* All its reactors have one descriptor. */
#define CREATE static int only; if (only) { close(reactor->fd); reactor->fd = only; } else only = reactor->fd
#define RELEASE_REACTOR (void)0
#include "echo.h"
