/* Unblocks a signal that the node reads from a descriptor. */
#define POLL sigset_t set; sigemptyset(&set); sigaddset(&set, SIGTERM); pthread_sigmask(SIG_UNBLOCK, &set, 0)
#include "echo.h"
