/* Installs a signal handler of its own. */
#define START signal(SIGUSR1, caught)
static void caught(int signal) { (void)signal; }
#include "echo.h"
