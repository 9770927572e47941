/* Its probe leaves a descriptor open. */
#define PROBE dup(2)
#include "echo.h"
