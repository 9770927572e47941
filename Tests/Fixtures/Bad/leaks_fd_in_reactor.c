/* A reactor leaves its descriptor open. */
#define RELEASE_REACTOR (void)0
#include "echo.h"
