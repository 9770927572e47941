/* Installs a signal handler of its own when it is mapped. */
#define CONSTRUCTOR signal(SIGUSR1, SIG_IGN)
#include "echo.h"
