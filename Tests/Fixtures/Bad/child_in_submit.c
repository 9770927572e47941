/* Leaves a process that sleeps. */
#include <unistd.h>
#define SUBMIT static int made; if (!made++ && fork() == 0) for (;;) pause()
#include "echo.h"
