/* Accepts requests and never completes them. */
#define COPIES 0
#include "echo.h"
