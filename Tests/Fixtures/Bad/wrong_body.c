/* Says that a request's body begins behind its end. */
#define VALIDATE out->body_offset = request->inputs[0].len + 1
#include "echo.h"
