/* Never gives a message again that was not settled. */
#define IS_TAKEN(message) (message)->is_taken
#include "fleet.h"
