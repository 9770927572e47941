/* Moves the thread of the host to a namespace of its own. */
#define _GNU_SOURCE
#include <sched.h>
#define SUBMIT unshare(CLONE_NEWIPC)
#include "echo.h"
