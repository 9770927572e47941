/* Has one space for both. */
#define SPACE (space & 0)
#include "fleet.h"
