/* Takes requests that its validation refuses. */
#define VALIDATE if (request->inputs[0].len > 4) return DN_BAD_INPUT
#include "echo.h"
