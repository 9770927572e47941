/* Its destructor reads what stop has freed. */
#include <stdlib.h>
static int *volatile gone;
__attribute__((destructor)) static void unmapped(void) { if (gone) *(volatile int *)8 = 1; }
#define STOP gone = (int *)instance
#include "echo.h"
