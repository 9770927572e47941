/* Ends a lease at once. */
#define IS_OVER(one) ((one)->space == DN_FLEET_LEASED)
#include "fleet.h"
