/* Its exit handler waits for ever. */
#include <stdlib.h>
#include <unistd.h>
static void wait_for_ever(void) { for (;;) pause(); }
#define START atexit(wait_for_ever)
#include "echo.h"
