/* Its exit handler gives the process another status. */
#include <stdlib.h>
#include <unistd.h>
static void leave(void) { _exit(9); }
#define START atexit(leave)
#include "echo.h"
