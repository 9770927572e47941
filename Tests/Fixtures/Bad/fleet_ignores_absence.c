/* Gives a key that has a value another, to who expects none. */
#define ALLOWED expected == DN_FLEET_ABSENT || expected == DN_FLEET_WHATEVER || expected == present
#include "fleet.h"
