/* Refuses requests below the number that its reactor was made for, and not as busy. */
#define SUBMIT if (reactor->count >= 8) return DN_FAILED
#include "echo.h"
