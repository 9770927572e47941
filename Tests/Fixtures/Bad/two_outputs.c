/* Completes with more outputs than its signature has. */
#define COMPLETE one->output_count = 2
#include "echo.h"
