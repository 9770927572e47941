/* Its reactor's descriptor is another one later. */
#define REACTOR_FD (reactor->lost == 0 && reactor->count == 0 && reactor->answers[0].data ? dup(reactor->fd) : reactor->fd)
#include "echo.h"
