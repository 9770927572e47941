/* Its descriptor has another magic. */
#define DESCRIPTOR .magic = 42
#include "echo.h"
