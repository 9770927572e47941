/* A right engine of a fleet. */
#include "fleet.h"
