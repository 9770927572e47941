/* Has all memory to come locked. */
#include <sys/mman.h>
#define START mlockall(MCL_FUTURE)
#include "echo.h"
