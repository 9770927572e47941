/* Keeps a message of an id that it has had. */
#define IS_KNOWN(id) ((id).len == 0)
#include "fleet.h"
