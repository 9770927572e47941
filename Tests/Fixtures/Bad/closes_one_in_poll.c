/* Closes a descriptor twice, which is somebody else's by then. */
#define POLL static int own; if (!own) { own = dup(2); close(own); own = 5; } close(own)
#include "echo.h"
