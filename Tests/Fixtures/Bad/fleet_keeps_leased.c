/* Never ends a lease. */
#define IS_OVER(one) ((one)->when == 0)
#include "fleet.h"
