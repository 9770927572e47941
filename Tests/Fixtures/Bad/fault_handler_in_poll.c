/* Takes the host's handler of faults away. */
#define POLL signal(SIGSEGV, SIG_DFL)
#include "echo.h"
