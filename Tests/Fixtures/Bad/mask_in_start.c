/* Blocks a signal on the control thread. */
#define START sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR2); pthread_sigmask(SIG_BLOCK, &set, 0)
#include "echo.h"
