/* Gives a message that somebody has to another. */
#define IS_TAKEN(message) ((message) == 0)
#include "fleet.h"
