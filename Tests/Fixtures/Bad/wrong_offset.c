/* Refuses a byte that the request does not have. */
#define VALIDATE if (request->inputs[0].len > 4) { err->input_offset = 1 << 20; return DN_BAD_INPUT; }
#include "echo.h"
