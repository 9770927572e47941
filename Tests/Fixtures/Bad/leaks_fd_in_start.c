/* An instance leaves a descriptor open. */
#define START dup(2)
#include "echo.h"
