/* Numbers a message anew each time that it gives it. */
#define NUMBER(message) (uint64_t)(message)->attempt
#include "fleet.h"
