/* Tells a length that wraps around all addresses. */
#define COMPLETE answer->len = 0 - (uint64_t)(uintptr_t)answer->data + 8
#include "echo.h"
