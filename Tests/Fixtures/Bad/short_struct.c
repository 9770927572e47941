/* Its descriptor ends before its functions. */
#define DESCRIPTOR .struct_size = 88
#include "echo.h"
