/* Tells of more completions than it was asked for. */
#define POLL if (reactor->count > 0) { *count = capacity + 1; return DN_OK; }
#include "echo.h"
