/* Its version is not semver. */
#define DESCRIPTOR .version = "one"
#include "echo.h"
