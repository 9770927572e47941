/* Switches the randomness of addresses off. */
#include <sys/personality.h>
#define START personality(0x0040000)
#include "echo.h"
