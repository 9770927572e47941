/* Waits for its engine as long as that takes. */
#define GET sleep(3)
#include "fleet.h"
