/* Installs a signal handler of its own when it is given a request. */
#include <signal.h>
static void caught(int signo) { (void)signo; }
#define SUBMIT signal(SIGUSR1, caught)
#include "echo.h"
