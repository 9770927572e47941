/* Changes a request's input while it validates. */
#define VALIDATE if (request->inputs[0].len) *(uint8_t *)request->inputs[0].data = 0
#include "echo.h"
