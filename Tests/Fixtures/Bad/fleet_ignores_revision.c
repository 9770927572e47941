/* Lets whoever comes last change a value. */
#define ALLOWED expected != DN_FLEET_ABSENT || present == 0
#include "fleet.h"
