/* Offers nothing. */
#define TABLE (void *)0
#include "echo.h"
