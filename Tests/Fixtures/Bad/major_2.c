/* Built for a major version that this host does not speak. */
#define DESCRIPTOR .abi_major = 2
#include "echo.h"
