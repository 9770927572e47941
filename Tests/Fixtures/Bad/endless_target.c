/* The target that it gives has no end. */
#define VALIDATE memset(out->target, 'x', sizeof out->target)
#include "echo.h"
