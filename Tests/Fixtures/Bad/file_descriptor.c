/* Its reactor's descriptor is a file. */
#define CREATE close(reactor->fd); reactor->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
#include "echo.h"
