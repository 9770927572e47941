/* Changes a request's input. */
#define SUBMIT if (request->inputs[0].len) *(uint8_t *)request->inputs[0].data ^= 1
#include "echo.h"
