/* A C target needs a source file: this one checks that the header compiles. */
#include "System.h"
