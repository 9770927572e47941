/* Frees a request's input. */
#define SUBMIT if (request->inputs[0].len) free((void *)request->inputs[0].data)
#include "echo.h"
