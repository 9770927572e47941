/* Takes names that another engine could not keep. */
#define NAMED(name, most, dots) ((name).len <= 200)
#include "fleet.h"
