/* Leaves a descriptor behind with each watch. */
#define CLOSE_WATCH dup(2)
#include "fleet.h"
