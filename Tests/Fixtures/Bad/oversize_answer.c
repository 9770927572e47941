/* Its answers are larger than allowed. */
#define ALLOWED(answer) 1
#include "echo.h"
