/* Does not say that a watch has told all that was there. */
#define TELLS_CURRENT 0
#include "fleet.h"
