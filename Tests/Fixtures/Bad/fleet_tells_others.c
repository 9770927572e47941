/* Tells a watch of keys that are not below its prefix. */
#define IS_BELOW(watch, one) ((watch) != 0 && (one) != 0)
#include "fleet.h"
