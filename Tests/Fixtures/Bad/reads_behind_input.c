/* Reads a request's input as a text that ends with NUL. */
#define SUBMIT volatile size_t length = strlen((const char *)request->inputs[0].data); (void)length
#include "echo.h"
