/* Blocks a signal on the host's thread. */
#define SUBMIT sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR2); pthread_sigmask(SIG_BLOCK, &set, 0)
#include "echo.h"
