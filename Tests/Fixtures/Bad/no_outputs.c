/* Completes with success and no outputs. */
#define COMPLETE one->output_count = 0
#include "echo.h"
