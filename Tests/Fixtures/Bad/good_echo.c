/* Nothing is wrong. */
#include "echo.h"
