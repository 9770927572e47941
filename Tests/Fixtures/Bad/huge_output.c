/* Tells a length of 2^40. */
#define COMPLETE answer->len = 1ull << 40
#include "echo.h"
