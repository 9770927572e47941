/* Ends the process, with success, when it is mapped. */
#define CONSTRUCTOR exit(0)
#include "echo.h"
