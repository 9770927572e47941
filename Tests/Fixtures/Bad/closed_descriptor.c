/* Its reactor's descriptor is closed. */
#define CREATE close(reactor->fd)
#include "echo.h"
