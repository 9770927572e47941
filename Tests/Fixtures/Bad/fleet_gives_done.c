/* Gives a message that is done again. */
#define DONE(message) (message)->is_taken = 0
#include "fleet.h"
