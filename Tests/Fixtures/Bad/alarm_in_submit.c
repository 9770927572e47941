/* Sets a timer whose signal would end the node. */
#define SUBMIT alarm(1000)
#include "echo.h"
