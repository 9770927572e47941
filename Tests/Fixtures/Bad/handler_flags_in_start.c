/* Has SIGPIPE, which the host ignores, interrupt calls. */
#include <signal.h>
#define START struct sigaction a; sigaction(SIGPIPE, 0, &a); a.sa_flags ^= SA_NODEFER; sigaction(SIGPIPE, &a, 0)
#include "echo.h"
