/* Aborts on a request that it does not like, as an exception does that leaves a plugin. */
#define VALIDATE if (request->inputs[0].len > 200) abort()
#include "echo.h"
